#!/usr/bin/perl
# What the module sets up outside its own folder, in folders of the test's own, and the proof by the real app.
use strict;
use warnings;
no warnings 'once';
use File::Temp qw(tempdir);
use FindBin;
use JSON::PP;
use Test::More;

my $folder;
BEGIN {
    $folder = tempdir('CLEANUP' => 1);
    mkdir("$folder/$_") for qw(etc etc/virtual-server etc/virtualmin-mail-setup units booted state state/private bin);
    $ENV{'WEBMIN_CONFIG'} = "$folder/etc";
    $ENV{'TEST_LANG'}     = "$FindBin::Bin/../../src/webmin/lang/en";
    $ENV{'TEST_USER'}     = 'root';
    $ENV{'TEST_SOCKET'}   = "$folder/app.sock";
    unshift(@INC, "$FindBin::Bin/lib");
}
use TestApp;

require "$FindBin::Bin/../../src/webmin/postinstall.pl";
require "$FindBin::Bin/../../src/webmin/uninstall.pl";

our (%place, $account);
my $own = "$folder/etc/virtualmin-mail-setup";
@place{qw(units booted systemctl state settle)} =
    ("$folder/units", "$folder/booted", "$folder/bin/systemctl", "$folder/state/private/virtualmin-mail-setup", 0);

sub put { my ($path, $text) = @_; open(my $file, '>', $path) or die "$path: $!"; print {$file} $text; close($file) }

sub content { my ($path) = @_; open(my $file, '<', $path) or return ''; local $/; return <$file> }

sub mode { return (stat($_[0]))[2] & 0777 }

put("$folder/bin/systemctl", "#!/bin/sh\necho \"\$*\" >>$folder/systemctl.log\ntest ! -e $folder/broken || { echo 'Unit is masked.'; exit 1; }\n");
chmod(0755, "$folder/bin/systemctl");
put("$folder/etc/miniserv.conf", "port=10000\nssl=1\nkeyfile=$folder/etc/miniserv.pem\n");
put("$folder/etc/virtual-server/config", "allow_subdoms=0\nplugins=virtualmin-awstats virtualmin-git\n");

# failed() Sets up; returns the words of what failed.
sub failed { return map { $_->[1] ? () : "$_->[2]" } set_up() }

sub plugins { return content("$folder/etc/virtual-server/config") =~ /^plugins=(.*)$/m ? $1 : undef }

subtest 'where no service answers yet' => sub {
    is_deeply([ failed() ], ["Everything is set up, but Virtualmin could not be asked: The service does not answer on $folder/app.sock: No such file or directory"],
        'everything is made, and the proof says what it lacks');
    like(content("$own/setup-report"), qr/^Everything is set up, but/, 'which is kept for the panel');
};

subtest 'the account' => sub {
    my ($made) = grep { $_->{'name'} eq $account } acl::list_users();
    my $password = content("$own/api-password");
    like($password, qr/^[0-9a-f]{48}$/, 'has a random password');
    is(mode("$own/api-password"), 0600, 'that root alone can read');
    is(mode($own), 0700, 'in a folder of root alone');
    is(crypt($password, $made->{'pass'}), $made->{'pass'}, 'which is the one that Webmin has');
    is_deeply($made->{'modules'}, ['virtual-server'], 'Virtualmin, and nothing else');
    is($made->{'allow'}, '127.0.0.1', 'from this machine alone');
    is_deeply({ get_module_acl($account, '') }, {}, 'and no limit to calls before 8.2, which would shut it out');
    is($WebminCore::reloads, 1, 'Webmin has read it');
    is(content("$own/service"), "VIRTUALMIN_URL=https://127.0.0.1:10000\nVIRTUALMIN_USER=mail-setup-api\n", 'the service knows where');
    is(mode("$own/service"), 0600, 'and nobody else');
    unlike(content("$own/service"), qr/$password/, 'the password is in its own file alone');
};

subtest 'plugin, owners and units' => sub {
    is(plugins(), 'virtualmin-awstats virtualmin-git virtualmin-mail-setup', 'it is a plugin beside the others');
    like(content("$folder/etc/virtual-server/config"), qr/^allow_subdoms=0$/m, 'whose configuration stays');
    is_deeply(\%WebminCore::locked, {}, 'unlocked again');
    is($virtual_server::granted, 1, 'owners that were there before have it');
    my $service = content("$folder/units/virtualmin-mail-setup.service");
    like($service, qr{^ExecStart=/\S*/node (?:--[\w-]+=\d+ )+/\S+/src/webmin/app/server\.mjs$}m, 'the service runs the app');
    like($service, qr{^LoadCredential=api-password:\Q$own\E/api-password$}m, 'with the password');
    unlike($service, qr/@[A-Z]+@/, 'and nothing is left open');
    is(content("$folder/systemctl.log"),
        "daemon-reload\nenable --now virtualmin-mail-setup.socket\ntry-restart virtualmin-mail-setup.service\n", 'and systemd listens');
};

start_app("$folder/app.sock");

subtest 'again' => sub {
    my %before = map { $_ => content($_) } "$own/api-password", "$own/service", "$folder/etc/virtual-server/config";
    my @users  = acl::list_users();
    is_deeply([ failed() ], [], 'the API has answered');
    is(content("$own/setup-report"), '', 'and the panel has nothing to say');
    is_deeply({ map { $_ => content($_) } keys %before }, \%before, 'nothing was changed');
    is_deeply([ acl::list_users() ], \@users, 'nor was the account');
    is($WebminCore::reloads, 1, 'and Webmin was left alone');
    is($virtual_server::granted, 1, 'as were the owners');
};

subtest 'what is missing is mended' => sub {
    $_->{'name'} eq $account and @$_{qw(modules allow)} = ([ 'virtual-server', 'cron' ], '') for @acl::users;
    unlink("$folder/units/virtualmin-mail-setup.socket", "$own/service");
    is_deeply([ failed() ], [], 'all is well again');
    my ($mended) = grep { $_->{'name'} eq $account } acl::list_users();
    is_deeply([ $mended->{'modules'}, $mended->{'allow'} ], [ ['virtual-server'], '127.0.0.1' ], 'the account has its limits');
    is(crypt(content("$own/api-password"), $mended->{'pass'}), $mended->{'pass'}, 'and its password');
    ok(-e "$folder/units/virtualmin-mail-setup.socket" && -e "$own/service", 'the files are there');
};

subtest 'from 8.2 on' => sub {
    local $WebminCore::version = '8.2.0';
    acl::delete_user($account);
    $WebminCore::saved{"$account/"} = { 'fdisk' => 1 };
    is_deeply([ failed() ], [], 'it works as well');
    is_deeply({ get_module_acl($account, '') }, { 'fdisk' => 1, 'rpc' => 3 }, 'and the account is for calls alone');
};

subtest 'what cannot be done is said' => sub {
    put("$folder/broken", '');
    like((failed())[0], qr/^The service could not be set up: systemctl daemon-reload: Unit is masked\.$/, 'by systemd');
    unlink("$folder/broken");
    local $place{'booted'} = "$folder/nowhere";
    like((failed())[0], qr/systemd does not run here/, 'without it');
    $place{'booted'} = "$folder/booted";
    {
        local $ENV{'PATH'} = "$folder/bin";
        like((failed())[0], qr/No Node\.js is installed.*(apt-get|dnf)/, 'without Node.js');
    }
    {
        no warnings 'redefine';
        local *acl::create_user = sub { push(@acl::users, { %{ $_[0] }, 'modules' => [qw(virtual-server webmin)] }) };
        acl::delete_user($account);
        like((failed())[0], qr/made mail-setup-api otherwise than it was to be/, 'an account that can do more');
        is(scalar(grep { $_->{'name'} eq $account } acl::list_users()), 0, 'is taken away at once');
    }
    put("$folder/etc/miniserv.conf", "port=10000\nssl=0\nbind=192.0.2.1\n");
    like((failed())[0], qr/speaks plain HTTP on 192\.0\.2\.1/, 'a password in the clear');
    put("$folder/etc/miniserv.conf", "port=20000\nssl=1\nbind=192.0.2.1\n");
    failed();
    like(content("$own/service"), qr{^VIRTUALMIN_URL=https://192\.0\.2\.1:20000$}m, 'while over TLS another address will do');
    is((grep { $_->{'name'} eq $account } acl::list_users())[0]->{'allow'}, '192.0.2.1', 'and is the one that the account is bound to');
    put("$folder/etc/miniserv.conf", "port=10000\n");
    rename("$folder/etc/virtual-server/config", "$folder/kept");
    like((failed())[0], qr/Virtualmin is not set up here yet/, 'without Virtualmin');
    rename("$folder/kept", "$folder/etc/virtual-server/config");
    is_deeply([ failed() ], [], 'and all of it can be mended');
};

subtest 'an account of the same name that is not ours' => sub {
    unlink("$own/api-password");
    my @users = acl::list_users();
    like((failed())[0], qr/there is a Webmin user mail-setup-api already/, 'is left alone');
    module_uninstall();
    is_deeply([ acl::list_users() ], \@users, 'at the removal too');
    acl::delete_user($account);
    is_deeply([ failed() ], [], 'and without it all is well');
};

subtest 'removal' => sub {
    mkdir("$folder/state/private/virtualmin-mail-setup");
    symlink('private/virtualmin-mail-setup', "$folder/state/virtualmin-mail-setup");
    push(@acl::users, { 'name' => 'root', 'modules' => ['acl'] });
    module_uninstall();
    is_deeply([ map { $_->{'name'} } acl::list_users() ], ['root'], 'takes the account away, and no other');
    is(plugins(), 'virtualmin-awstats virtualmin-git', 'and the plugin, and no other');
    is_deeply([ glob("$folder/units/*"), glob("$own/*"), glob("$folder/state/*"), glob("$folder/state/private/*") ],
        ["$folder/state/private"], 'and leaves nothing behind');
    like(content("$folder/systemctl.log"), qr/disable --now virtualmin-mail-setup\.socket\n.*daemon-reload\n$/s, 'and systemd no longer listens');
    is_deeply([ take_down() ], [], 'and can be run again');
};

subtest 'the certificate' => sub {
    system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=panel -days 1 -keyout $folder/key -out $folder/cert 2>/dev/null") == 0 or die;
    put("$folder/etc/miniserv.pem", content("$folder/key") . content("$folder/cert"));
    put("$folder/etc/miniserv.conf", "ssl=1\nkeyfile=$folder/etc/miniserv.pem\n");
    my ($expected) = `openssl x509 -in $folder/cert -noout -fingerprint -sha256` =~ /=(\S+)/;
    is(certificate_fingerprint("$folder/etc"), $expected, 'is the one that OpenSSL names');
    put("$folder/etc/miniserv.conf", "ssl=0\nkeyfile=$folder/etc/miniserv.pem\n");
    is(certificate_fingerprint("$folder/etc"), undef, 'and none without TLS');
};

done_testing();
