#!/usr/bin/perl
# Set-up and removal, in temporary folders, with a request through the real app at the end.
package virtualmin_mail_setup;
use strict;
use warnings;
no warnings 'once';
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use TestApp;
use TestPanel;

my $folder = make_panel();
my $etc    = $ENV{'WEBMIN_CONFIG'};
my $own    = "$etc/virtualmin-mail-setup";
mkdir("$folder/$_") for qw(units booted state state/private bin);

# As Webmin loads it.
require WebminCore;
WebminCore::foreign_require('virtualmin-mail-setup', 'postinstall.pl');
WebminCore::foreign_require('virtualmin-mail-setup', 'uninstall.pl');
WebminCore::foreign_require('virtualmin-mail-setup', 'config_info.pl');

our (%paths, $api_user, $settle_seconds);
$settle_seconds = 0;
@paths{qw(units booted systemctl state snapshot)} = ("$folder/units", "$folder/booted", "$folder/bin/systemctl",
    "$folder/state/private/virtualmin-mail-setup", "$folder/snapshot");

put("$folder/bin/systemctl", "#!/bin/sh\necho \"\$*\" >>$folder/systemctl.log\ntest ! -e $folder/broken || { echo 'Unit is masked.'; exit 1; }\n");
chmod(0755, "$folder/bin/systemctl");
my $miniserv = content("$etc/miniserv.conf") =~ s/^port=0\n//mr;

# serve_on(lines) Writes these lines to miniserv.conf: the address of the panel.
sub serve_on { my ($lines) = @_; put("$etc/miniserv.conf", $miniserv . $lines) }

# failures() Runs set-up. Returns the messages of the steps that failed.
sub failures { return map { $_->[1] ? () : "$_->[2]" } set_up() }

# message_of(step) Runs set-up. Returns the message of a step.
sub message_of { my ($step) = @_; return (grep { $_->[0] eq $step } set_up())[0]->[2] }

sub setting { my ($key) = @_; return content("$etc/virtual-server/config") =~ /^\Q$key\E=(.*)$/m ? $1 : undef }

# users() Returns the users who have the module, from webmin.acl.
sub users { return [ sort map { /^(\S+):.* virtualmin-mail-setup\b/ ? $1 : () } split(/^/, content("$etc/webmin.acl")) ] }

sub account_now { return (grep { $_->{'name'} eq $api_user } acl::_fresh_users())[0] }

serve_on("port=10000\nssl=1\n");
add_domains('virtual-server');
# Domain owners, as Virtualmin creates them.
add_user($_, 'virtual-server', 'noconfig' => 1) for qw(exorg dash plain);
put("$etc/config", content("$etc/config") . "ownmods_example=virtual-server\n");

subtest 'the service does not answer yet' => sub {
    is_deeply([ failures() ], ["Everything is set up, but Virtualmin gave no proper answer: The service does not answer on $folder/app.sock: No such file or directory"],
        'every step works except the test of the API');
    like(content("$own/setup-report"), qr/^Everything is set up, but/, 'the error is kept for the panel');
};

subtest 'the account' => sub {
    my $made     = account_now();
    my $password = content("$own/api-password");
    like($password, qr/^[0-9a-f]{48}$/, 'it has a random password');
    is(mode("$own/api-password"), 0600, 'only root can read it');
    is(mode($own), 0700, 'only root can open its folder');
    is(crypt($password, $made->{'pass'}), $made->{'pass'}, 'Webmin has the same password');
    is_deeply($made->{'modules'}, ['virtual-server'], 'it has only Virtualmin');
    is($made->{'allow'}, '127.0.0.1', 'it can log in only from this machine');
    is_deeply({ get_module_acl($api_user, '') }, {}, 'up to 8.1 it is not limited to API calls, since Virtualmin would refuse it');
    ok($WebminCore::reloads, 'Webmin has been reloaded');
    is(content("$own/service"), "VIRTUALMIN_URL=https://127.0.0.1:10000\nVIRTUALMIN_USER=mail-setup-api\n", 'the service has the URL and the user name');
    is(mode("$own/service"), 0600, 'only root can read that file');
    unlike(content("$own/service"), qr/$password/, 'that file does not contain the password');
};

subtest 'plugin, commands and units' => sub {
    is(setting('plugins'), 'virtualmin-awstats virtualmin-git virtualmin-mail-setup', 'it is added to the plugins');
    is(setting('avail_virtualmin-mail-setup'), 1, 'the default template allows it to domain owners');
    is(setting('show_plugins'), 1, 'the table of users shows its column');
    is(setting('allow_subdoms'), 0, "the rest of Virtualmin's configuration has not changed");
    is_deeply(\%WebminCore::locked, {}, 'no file is still locked');
    for my $command (qw(list-mail-setup check-mail-setup repair-mail-setup refresh-mail-answers setup-mail-autoconfig)) {
        like(`sh $folder/virtualmin $command --help 2>&1`, qr/^\s*$command\.pl/, "virtualmin $command is found");
    }
    my $service = content("$folder/units/virtualmin-mail-setup.service");
    like($service, qr{^ExecStart=/\S*/node (?:--[\w-]+=\d+ )+/\S+/app/server\.mjs$}m, 'the service runs the app');
    like($service, qr{^LoadCredential=api-password:\Q$own\E/api-password$}m, 'systemd passes it the password');
    like($service, qr{^SystemCallErrorNumber=EPERM$}m, 'a system call that is not allowed returns an error and does not kill the service');
    unlike($service, qr/@[A-Z]+@/, 'no placeholder is left');
    is(content("$folder/systemctl.log"), join('', map { "$_\n" } 'daemon-reload',
        'reset-failed virtualmin-mail-setup.socket virtualmin-mail-setup.service', 'enable --now virtualmin-mail-setup.socket',
        'try-restart virtualmin-mail-setup.service'), 'systemd listens, also after earlier failures');
};

subtest 'who has the module' => sub {
    is_deeply(users(), [qw(dash example exorg helper plain rita root)], 'owners of domains with mail, an extra admin, a reseller');
    is_deeply({ get_module_acl('rita', 'virtualmin-mail-setup') }, { 'noconfig' => 1, 'see' => 1, 'print' => 1, 'check' => 1 }, 'with every permission');
    is(content("$etc/config") =~ /^ownmods_example=(.*)$/m ? $1 : '', 'virtual-server virtualmin-mail-setup', 'also among the modules besides those of a group');
    virtual_server::_modify_webmin(virtual_server::get_domain(1));
    is_deeply(users(), [qw(dash example exorg helper plain rita root)], 'Virtualmin leaves it to them when it saves an owner');
    like(message_of('owners'), qr/: 6\. Domains for which an administrator has switched it off: 0\.$/, 'the message has their number');
};

start_app("$folder/app.sock");

subtest 'set-up run again' => sub {
    my @kept = ("$own/api-password", "$own/service", map { "$etc/$_" } qw(virtual-server/config webmin.acl miniserv.users));
    my %before = map { $_ => content($_) } @kept;
    my $reloads = $WebminCore::reloads;
    is_deeply([ failures() ], [], 'every step works');
    is(content("$own/setup-report"), '', 'no error is kept for the panel');
    is_deeply({ map { $_ => content($_) } @kept }, \%before, 'no file has changed');
    is($WebminCore::reloads, $reloads, 'Webmin has not been reloaded');
    is_deeply(\%WebminCore::locked, {}, 'no file is still locked');
};

subtest 'a column that an administrator has hidden' => sub {
    my $values = content("$etc/virtual-server/config");
    put("$etc/virtual-server/config", $values =~ s/^show_plugins=1/show_plugins=0/mr);
    is_deeply([ failures() ], [], 'every step works');
    is(setting('show_plugins'), 0, 'stays hidden');
    put("$etc/virtual-server/config", $values);
};

subtest 'answers to mail clients' => sub {
    my @answers = map { "virtualmin-mail-setup-$_" } qw(answers.socket answers.service snapshot.service snapshot.timer snapshot.path);
    my $units   = sub { [ map { m{/(virtualmin-mail-setup-\S+)$} ? $1 : () } sort glob("$folder/units/*") ] };
    my $config  = content("$own/config");
    is_deeply($units->(), [], 'are off at first: their units are not there');
    like(message_of('answers'), qr/: off$/, 'and set-up says so');
    put("$folder/systemctl.log", '');
    put("$own/config", "${config}by_domain=mail_host\@a.example=x.example\tclient_answers\@example.com=login\n");
    config_post_save({}, {});
    is_deeply($units->(), [ sort @answers ], 'are set up when the settings want them for a domain');
    is(content("$folder/systemctl.log"), join('', map { "$_\n" } 'daemon-reload', "reset-failed @answers", "enable --now $answers[0] @answers[3,4]",
        "try-restart $answers[1]", "start --no-block $answers[2]"), 'systemd listens, and takes the first snapshot');
    my $service = join('', map { content("$folder/units/$_") } @answers);
    unlike($service, qr/@[A-Z]+@/, 'no placeholder is left');
    like($service, qr{^ExecStart=\S+/perl\S* /\S+/refresh-mail-answers\.pl$}m, 'the snapshot is taken by the command');
    like($service, qr{^BindReadOnlyPaths=\Q$folder\E/snapshot/public:\Q$folder\E/snapshot$}m, 'the service sees its folder');
    unlike(content("$folder/units/$answers[1]"), qr/api-password|EnvironmentFile/, 'and has no password');
    is_deeply([ map { mode("$folder/snapshot$_") } '', '/public' ], [ 0700, 0755 ], 'other users cannot open the folder');
    ok(-e "$folder/snapshot/changed", 'a snapshot that is being taken is followed by another one');
    like(content("$folder/units/$answers[2]"), qr{^ExecStartPre=/bin/sleep 3$}m, 'it waits: systemd does not start a unit more than five times in ten seconds');
    is(content("$own/setup-report"), '', 'there is no error');
    put("$folder/broken", '');
    config_post_save({}, {});
    config_post_save({}, {});
    like(content("$own/setup-report"), qr/^Answers to mail clients could not be set up: systemctl [^\n]*: Unit is masked\.\n$/, 'an error is kept once for the panel');
    unlink("$folder/broken");
    config_post_save({}, {});
    is(content("$own/setup-report"), '', 'and goes when it works');
    put("$own/config", $config);
    config_post_save({}, {});
    is_deeply([ $units->(), -e "$folder/snapshot" ], [ [], undef ], 'they are removed when the settings no longer want them');
    mkdir("$own/web-server");
    put("$own/web-server/1", '{}');
    config_post_save({}, {});
    like(content("$own/setup-report"), qr/they are off, but web servers still pass questions on\. Run "virtualmin setup-mail-autoconfig --all-domains --undo"$/, 'web servers that were set up are named');
    unlink("$own/web-server/1");
    rmdir("$own/web-server");
    put("$own/config", "${config}client_answers=address\n");
    config_post_save({}, {});
    is(content("$own/setup-report"), '', 'until they are wanted again');
    is_deeply([ failures() ], [], 'set-up starts them, too');
};

subtest 'installation and upgrade' => sub {
    my $restarts = $WebminCore::restarts;
    module_install();
    is($WebminCore::restarts, $restarts + 1, 'an upgrade restarts MiniServ, which has loaded the previous version');
    unlink("$own/setup-report");
    module_install();
    is($WebminCore::restarts, $restarts + 1, 'a first installation does not');
};

subtest 'set-up repairs what is missing' => sub {
    acl::modify_user($api_user, { %{ account_now() }, 'modules' => [ 'virtual-server', 'cron' ], 'allow' => '' });
    unlink("$folder/units/virtualmin-mail-setup.socket", "$own/service", "$folder/virtualmin");
    add_domain(7, 'later.example', 'user' => 'later');
    add_user('later', 'virtual-server', 'noconfig' => 1, 'domains' => '7');
    is_deeply([ failures() ], [], 'every step works');
    my $mended = account_now();
    is_deeply([ $mended->{'modules'}, $mended->{'allow'} ], [ ['virtual-server'], '127.0.0.1' ], 'the account is limited again');
    is(crypt(content("$own/api-password"), $mended->{'pass'}), $mended->{'pass'}, 'it has the password of the file');
    ok(-e "$folder/units/virtualmin-mail-setup.socket" && -e "$own/service" && -e "$folder/virtualmin", 'the files are written again');
    ok((grep { $_ eq 'later' } @{ users() }), 'a new owner has the module');
};

subtest "an administrator's refusal" => sub {
    put("$etc/virtual-server/templates/70", "name=No setup\navail=mail=1 virtualmin-mail-setup=0\n");
    put("$etc/virtual-server/templates/71", "name=Older\navail=mail=1 dns=0\n");
    add_domain(8, 'kept.example', 'user' => 'kept', 'template' => 70);
    add_domain(9, 'older.example', 'user' => 'older', 'template' => 71);
    add_user($_, 'virtual-server', 'noconfig' => 1) for qw(kept older);
    like(message_of('owners'), qr/: 8\. Domains for which an administrator has switched it off: 1\.$/, 'a refusal in a template is counted');
    ok(!(grep { $_ eq 'kept' } @{ users() }), 'that owner does not get the module');
    ok((grep { $_ eq 'older' } @{ users() }), 'a list that does not mention the module is not a refusal');
    like(content("$etc/virtual-server/templates/71"), qr/^avail=mail=1 dns=0 virtualmin-mail-setup=1$/m, 'the module is added to that list');
    acl::modify_user('rita', { %{ (grep { $_->{'name'} eq 'rita' } acl::_fresh_users())[0] }, 'modules' => ['virtual-server'] });
    like(message_of('owners'), qr/: 7\./, 'a reseller from whom it was taken is not counted');
    ok(!(grep { $_ eq 'rita' } @{ users() }), 'and does not get it again');
    my $default = content("$etc/virtual-server/config");
    put("$etc/virtual-server/config", $default =~ s/^avail_virtualmin-mail-setup=1$/avail_virtualmin-mail-setup=0/mr);
    add_domain(10, 'newest.example', 'user' => 'newest');
    add_user('newest', 'virtual-server', 'noconfig' => 1);
    set_up();
    is(setting('avail_virtualmin-mail-setup'), 0, 'a refusal in the default template stays');
    ok(!(grep { $_ eq 'newest' } @{ users() }), 'an owner of a new domain does not get the module');
    put("$etc/virtual-server/config", $default);
};

subtest 'the development version of 8.2' => sub {
    my $domains = "$etc/virtual-server/domains";
    my $cgi     = content("$folder/root/virtual-server/remote.cgi");
    put("$folder/root/virtual-server/remote.cgi", $cgi =~ s/\n/\n\$main::allow_rpc_only = 1;\n/r);
    # As if this version of the library had been loaded from the start.
    no warnings 'redefine';
    local *virtual_server::get_domain_webmin_avail = sub { my ($d) = @_; return $d->{'webmin_avail'} // '' };
    acl::delete_user($api_user);
    put("$etc/$api_user.acl", "fdisk=1\n");
    add_user($_, 'virtual-server', 'noconfig' => 1) for qw(example exorg);
    add_domain(1, 'example.com', 'webmin_avail' => 'mail=1 dns=0');
    add_domain(3, 'example.org', 'user' => 'exorg', 'webmin_avail' => 'mail=1 virtualmin-mail-setup=0');
    like(message_of('owners'), qr/Domains for which an administrator has switched it off: 2\.$/, 'a refusal for a domain is counted');
    is_deeply({ get_module_acl($api_user, '') }, { 'fdisk' => 1, 'rpc' => 3 }, 'the account is limited to API calls');
    like(content("$domains/1"), qr/^webmin_avail=mail=1 dns=0 virtualmin-mail-setup=1$/m, 'the module is added to the list of an existing domain');
    ok((grep { $_ eq 'example' } @{ users() }), 'its owner has the module');
    like(content("$domains/3"), qr/^webmin_avail=mail=1 virtualmin-mail-setup=0$/m, 'a refusal for a domain stays');
    ok(!(grep { $_ eq 'exorg' } @{ users() }), 'that owner does not have the module');
    put("$folder/root/virtual-server/remote.cgi", $cgi);
};

subtest 'errors' => sub {
    put("$folder/broken", '');
    like((failures())[0], qr/^The service could not be set up: systemctl daemon-reload: Unit is masked\.$/, 'an error of systemctl');
    unlink("$folder/broken");
    local $paths{'booted'} = "$folder/nowhere";
    like((failures())[0], qr/systemd is not running here/, 'no systemd');
    $paths{'booted'} = "$folder/booted";
    {
        local $ENV{'PATH'} = "$folder/bin";
        like((failures())[0], qr/needs Node\.js, which is not installed.*(apt-get|dnf)/, 'no Node.js');
    }
    no warnings 'redefine';
    {
        my $create = \&acl::create_user;
        local *acl::create_user = sub { $create->({ %{ $_[0] }, 'modules' => [qw(virtual-server webmin)] }) };
        acl::delete_user($api_user);
        like((failures())[0], qr/did not limit the rights of mail-setup-api as intended/, 'an account with more modules');
        is(account_now(), undef, 'that account is deleted');
    }
    {
        local *change_modules = sub { };
        add_user('later', 'virtual-server', 'noconfig' => 1, 'domains' => '7');
        is_deeply([ failures() ], ['Not everybody who manages mailboxes has the module: these users still do not have it after setup gave it to them: later'],
            'an owner who has not got the module whatever was tried');
    }
    {
        my $write = \&virtual_server::create_virtualmin_api_helper_command;
        local *virtual_server::create_virtualmin_api_helper_command = sub { local @virtual_server::plugins = (); return $write->() };
        like((failures())[0], qr{^The commands could not be added to Virtualmin: \Q$folder\E/virtualmin was written again, but does not contain them}, 'commands that are not in the program');
    }
    serve_on("port=10000\nssl=0\nbind=192.0.2.1\n");
    like((failures())[0], qr/uses HTTP without encryption on 192\.0\.2\.1/, 'no TLS on a network address');
    serve_on("port=20000\nssl=1\nbind=192.0.2.1\n");
    failures();
    like(content("$own/service"), qr{^VIRTUALMIN_URL=https://192\.0\.2\.1:20000$}m, 'a network address with TLS');
    is(account_now()->{'allow'}, '192.0.2.1', 'the account is limited to that address');
    serve_on("port=10000\nssl=1\nbind=::1\n");
    failures();
    like(content("$own/service"), qr{^VIRTUALMIN_URL=https://\[::1\]:10000$}m, 'an IPv6 address');
    is(account_now()->{'allow'}, '::1', 'the account is limited to it');
    serve_on("port=10000\nssl=1\nbind=::\n");
    failures();
    like(content("$own/service"), qr{^VIRTUALMIN_URL=https://\[::1\]:10000$}m, 'all IPv6 addresses');
    serve_on("port=10000\n");
    rename("$etc/virtual-server/config", "$folder/kept");
    like((failures())[0], qr/Virtualmin is not set up here yet/, 'no Virtualmin');
    rename("$folder/kept", "$etc/virtual-server/config");
    is_deeply([ failures() ], [], 'set-up works afterwards');
};

subtest 'an account of the same name that set-up did not create' => sub {
    unlink("$own/api-password");
    my $users = content("$etc/miniserv.users");
    like((failures())[0], qr/a Webmin user mail-setup-api exists already, and this module did not create it/, 'is an error');
    is(content("$etc/miniserv.users"), $users, 'the account has not changed');
    acl::delete_user($api_user);
    is_deeply([ failures() ], [], 'set-up works without it');
};

subtest 'removal' => sub {
    mkdir("$folder/state/private/virtualmin-mail-setup");
    symlink('private/virtualmin-mail-setup', "$folder/state/virtualmin-mail-setup");
    mkdir("$folder/state/private/virtualmin-mail-setup-answers");
    symlink('private/virtualmin-mail-setup-answers', "$folder/state/virtualmin-mail-setup-answers");
    put("$folder/snapshot/public/snapshot.json", '{}');
    put("$etc/virtual-server/domains/3", content("$etc/virtual-server/domains/3") =~ s/^webmin_avail=.*/webmin_avail=virtualmin-mail-setup=1 mail=1/mr);
    my %gone = ('id' => 99, 'dom' => 'gone.example');
    my $site = "$folder/gone.conf";
    put($site, join('', "<VirtualHost *:80>\n", own_lines(\%gone), "</VirtualHost>\n"));
    write_state(\%gone, { 'domain' => 'gone.example', 'files' => { $site => { 'after' => '' } } });
    module_uninstall();
    is(content($site), "<VirtualHost *:80>\n</VirtualHost>\n", 'web servers no longer pass on questions of mail clients');
    is(account_now(), undef, 'the account is deleted');
    is_deeply(users(), ['root'], 'the module is taken from everybody but the master admin');
    is(setting('plugins'), 'virtualmin-awstats virtualmin-git', 'only this plugin is removed');
    is(setting('avail_virtualmin-mail-setup'), undef, 'it is removed from the default template');
    is(setting('show_plugins'), undef, 'the table of users is as it was');
    like(content("$etc/virtual-server/templates/71"), qr/^avail=mail=1 dns=0$/m, 'from other templates');
    like(content("$etc/virtual-server/domains/3"), qr/^webmin_avail=mail=1$/m, 'from domains');
    like(`sh $folder/virtualmin list-mail-setup 2>&1`, qr/was not found/, 'its commands are removed');
    is_deeply([ glob("$folder/units/*"), glob("$folder/state/*"), glob("$folder/state/private/*"), grep { -e } $own, "$etc/var/virtualmin-mail-setup", "$folder/snapshot" ],
        ["$folder/state/private"], 'no file is left');
    like(content("$folder/systemctl.log"), qr/disable --now virtualmin-mail-setup\.socket\n.*daemon-reload\n$/s, 'systemd no longer listens');
    is_deeply([ tear_down() ], [], 'removal can be run again');
    acl::create_user({ 'name' => $api_user, 'pass' => 'x', 'modules' => ['acl'] });
    module_uninstall();
    ok(account_now(), 'an account of the same name that set-up did not create stays');
};

subtest 'the certificate' => sub {
    system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=panel -days 1 -keyout $folder/key -out $folder/cert 2>/dev/null") == 0 or die;
    put("$etc/miniserv.pem", content("$folder/key") . content("$folder/cert"));
    put("$etc/miniserv.conf", "ssl=1\nkeyfile=$folder/etc/miniserv.pem\n");
    my ($expected) = `openssl x509 -in $folder/cert -noout -fingerprint -sha256` =~ /=(\S+)/;
    is(certificate_fingerprint($etc), $expected, 'the fingerprint is that of OpenSSL');
    put("$etc/miniserv.conf", "ssl=0\nkeyfile=$folder/etc/miniserv.pem\n");
    is(certificate_fingerprint($etc), undef, 'no fingerprint without TLS');
    put("$etc/miniserv.conf", "ssl=1\nkeyfile=$etc/miniserv.pem\nipcert_192.0.2.9=$etc/other.pem\nipcert_127.0.0.1,panel.example=$folder/cert\n");
    put("$etc/miniserv.pem", '');
    is(certificate_fingerprint($etc), $expected, 'a certificate for the local address comes first');
};

done_testing();
