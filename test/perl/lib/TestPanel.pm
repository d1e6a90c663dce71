# Creates the files of a panel for the stand-ins of Webmin and Virtualmin: users, domains, and the module.
package TestPanel;
use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Basename qw(basename dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);

our @EXPORT = qw(make_panel make_usermin add_user add_domain add_domains map_domains put content mode);

my $here   = abs_path(dirname(__FILE__));
my $module = abs_path("$here/../../../src/webmin");

# make_panel(options) Creates a panel and returns its folder: etc has Webmin's configuration, and $WEBMIN_CONFIG is set to it;
# root has the modules. Options: v8_2 (1 for the development version of Virtualmin 8.2), socket (of the app).
sub make_panel {
    my (%given) = @_;
    my $folder = tempdir('CLEANUP' => 1);
    my ($etc, $root) = ("$folder/etc", "$folder/root");
    make_path("$root/virtual-server", map { "$etc/$_" } qw(virtual-server/domains virtual-server/templates virtual-server/admins virtualmin-mail-setup));
    $ENV{'WEBMIN_CONFIG'} = $etc;
    put("$etc/config", "lang=en\n");
    put("$etc/miniserv.conf", "port=0\nroot=$root\nuserfile=$etc/miniserv.users\n");
    put("$etc/$_", '') for 'miniserv.users', 'webmin.acl';
    put("$etc/virtual-server/config", "allow_subdoms=0\nhomes_dir=homes\nplugins=virtualmin-awstats virtualmin-git\napi_helper=$folder/virtualmin\n");
    put("$etc/virtualmin-mail-setup/config", 'socket=' . ($given{'socket'} // "$folder/app.sock") . "\n");
    # In the package, module.info is in the same folder.
    make_path("$root/virtualmin-mail-setup");
    symlink($_, "$root/virtualmin-mail-setup/" . basename($_)) or die $! for glob("$module/*"), abs_path("$module/../../module.info");
    for my $plugin (qw(virtualmin-awstats virtualmin-git)) {
        make_path("$root/$plugin");
        put("$root/$plugin/module.info", "name=$plugin\n");
        put("$root/$plugin/virtual_feature.pl", "1;\n");
    }
    put("$root/virtual-server/module.info", "version=8.1.0\n");
    put("$root/virtual-server/defaultacl", "edit=1\ndomains=*\n");
    put("$root/virtual-server/virtual-server-lib.pl", "use lib '$here';\ndo '$here/VirtualServer.pm' || die \$@;\n1;\n");
    put("$root/virtual-server/remote.cgi",
        "#!/usr/bin/perl\n" . ($given{'v8_2'} ? "\$main::allow_rpc_only = 1;\n" : '') . "do '$here/remote.cgi';\ndie \$@ if \$@;\n");
    add_user('root', 'virtual-server virtualmin-mail-setup acl');
    return $folder;
}

# make_usermin(folder) Creates a Usermin beside the panel in that folder, and the users of the system. Returns its folder: etc has
# its configuration, root its modules and var their data.
sub make_usermin {
    my ($folder) = @_;
    my $usermin = "$folder/usermin";
    make_path("$usermin/root/mailbox", "$usermin/var/modules", "$usermin/etc/mailbox", "$ENV{'WEBMIN_CONFIG'}/usermin");
    put("$ENV{'WEBMIN_CONFIG'}/usermin/config", "usermin_dir=$usermin/etc\n");
    put("$usermin/etc/miniserv.conf", "port=0\nroot=$usermin/root\nuserfile=$usermin/etc/miniserv.users\nunixauth=user\nsession=1\n");
    put("$usermin/etc/config", "lang=en\nproduct=usermin\n");
    put("$usermin/etc/var-path", "$usermin/var\n");
    put("$usermin/etc/miniserv.users", "user:x:0::\n");
    put("$usermin/etc/webmin.acl", "user: changepass mailbox\n");
    put("$usermin/root/mailbox/module.info", "name=mailbox\n");
    $ENV{'TEST_PASSWD'} = "$usermin/passwd";
    put($ENV{'TEST_PASSWD'}, join('', map { "$_\n" }
        'root:x:0:0:root:/root:/bin/bash',
        'postfix:x:103:111::/var/spool/postfix:/usr/sbin/nologin',
        'example:x:1000:1000:example.com:/home/example:/bin/bash',
        'bob.example:x:1004:1000:Bob:/home/example/homes/bob:/dev/null',
        'alice.example:x:1005:1000:Alice:/srv/mail/alice:/dev/null',
        'webby.example:x:1000:1000:Webby:/home/example/public_html:/dev/null',
        'odd.example:x:1011:1000:Odd:/srv/odd:/dev/null',
        'bob-example.com:x:1004:1000:Bob:/home/example/homes/bob:/dev/null',
        'carol.sub:x:1008:1000:Carol:/home/chroot/1234567890123/./home/example/domains/sub.example.com/homes/carol:/dev/null',
        'near.sub:x:1012:1000:Near:/home/example/domains/sub.example.community/homes/near:/dev/null',
        'bob@example.org:x:1007:1001:Bob:/home/exorg/homes/bob:/dev/null',
        'nomail:x:1002:1002:nomail.example:/home/nomail:/bin/bash',
        'user:x:1099:1099:A user whose name is that of the rights:/home/user:/dev/null'));
    return $usermin;
}

# add_user(name, modules, access) Adds a user of Webmin with the password "secret", or replaces one. access is the user's access
# control in Virtualmin; without it they are a master admin, as in the real one.
sub add_user {
    my ($name, $modules, %access) = @_;
    my $etc = $ENV{'WEBMIN_CONFIG'};
    for (['miniserv.users', "$name:" . crypt('secret', '$6$somesalt') . '::::'], ['webmin.acl', "$name: $modules"]) {
        my ($file, $line) = @$_;
        put("$etc/$file", join('', grep({ !/^\Q$name\E:/ } split(/^/, content("$etc/$file"))), "$line\n"));
    }
    return if !%access;
    put("$etc/virtual-server/$name.acl", join('', map { "$_=$access{$_}\n" } sort keys %access));
    # Virtualmin marks the users that it creates, except resellers.
    my $mark = "readonly_$name=virtual-server\n";
    return if $access{'reseller'} || index(content("$etc/config"), $mark) >= 0;
    put("$etc/config", content("$etc/config") . $mark);
    no warnings 'once';
    $acl::gconfig{"readonly_$name"} = 'virtual-server' if %acl::gconfig;
}

# add_domain(id, name, values) Adds a domain, by default with mail and its own Webmin user.
sub add_domain {
    my ($id, $name, %values) = @_;
    my %d = ('dom' => $name, 'mail' => 1, 'webmin' => 1, 'user' => $name =~ s/\..*//r, 'template' => 0, %values);
    put("$ENV{'WEBMIN_CONFIG'}/virtual-server/domains/$id", join('', map { "$_=$d{$_}\n" } sort keys %d));
}

# map_domains() Writes the files in which Virtualmin finds domains by one of their values.
sub map_domains {
    my $folder = "$ENV{'WEBMIN_CONFIG'}/virtual-server";
    my %maps;
    for my $path (glob("$folder/domains/*")) {
        my %d = content($path) =~ /^(\w+)=(.*)$/gm;
        push(@{ $maps{$_}->{ $d{$_} // '' } }, basename($path)) for qw(dom parent reseller gid);
    }
    for my $key (keys %maps) { put("$folder/map.$key", join('', map { "$_=@{ $maps{$key}->{$_} }\n" } sort keys %{ $maps{$key} })) }
}

# add_domains(modules) Adds the domains of the app's recordings, and users with these modules (default: Virtualmin and ours):
# example, the owner of example.com and its sub-server; helper, an extra admin of theirs; rita, their reseller and that of
# dash.example; and nomail, whose domain has no mail.
sub add_domains {
    my ($modules) = @_;
    $modules //= 'virtual-server virtualmin-mail-setup';
    my $home = '/home/example';
    add_domain(1, 'example.com', 'reseller' => 'rita', 'gid' => 1000, 'home' => $home);
    add_domain(2, 'sub.example.com', 'parent' => 1, 'user' => 'example', 'webmin' => 0, 'gid' => 1000, 'home' => "$home/domains/sub.example.com");
    add_domain(3, 'example.org', 'user' => 'exorg', 'gid' => 1001, 'home' => '/home/exorg');
    add_domain(4, 'dash.example', 'user' => 'dash', 'reseller' => 'other rita');
    add_domain(5, 'plain.example', 'user' => 'plain');
    add_domain(6, 'nomail.example', 'user' => 'nomail', 'mail' => 0, 'gid' => 1002, 'home' => '/home/nomail');
    add_user('example', $modules, 'noconfig' => 1, 'domains' => '1 2', 'edit_users' => 1);
    add_user('helper', $modules, 'noconfig' => 1, 'domains' => '2', 'edit_users' => 1, 'admin' => 1);
    add_user('rita', $modules, 'noconfig' => 1, 'reseller' => 1);
    add_user('nomail', $modules, 'noconfig' => 1, 'domains' => '6', 'edit_users' => 1);
    my $admins = "$ENV{'WEBMIN_CONFIG'}/virtual-server/admins/1";
    make_path($admins);
    put("$admins/helper.admin", "name=helper\nfeatures=1\nedit_users=1\n");
}

sub put { my ($path, $text) = @_; open(my $file, '>', $path) or die "$path: $!"; print {$file} $text; close($file) }

sub content { my ($path) = @_; open(my $file, '<', $path) or return ''; local $/; return <$file> // '' }

sub mode { return (stat($_[0]))[2] & 0777 }

1;
