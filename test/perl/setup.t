#!/usr/bin/perl
# What the module sets up outside its own folder, in folders of the test's own, and the proof by the real app.
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

our (%paths, $api_user, $settle_seconds);
$settle_seconds = 0;
@paths{qw(units booted systemctl state)} =
    ("$folder/units", "$folder/booted", "$folder/bin/systemctl", "$folder/state/private/virtualmin-mail-setup");

put("$folder/bin/systemctl", "#!/bin/sh\necho \"\$*\" >>$folder/systemctl.log\ntest ! -e $folder/broken || { echo 'Unit is masked.'; exit 1; }\n");
chmod(0755, "$folder/bin/systemctl");
my $miniserv = content("$etc/miniserv.conf") =~ s/^port=0\n//mr;

# serve_on(lines) Has the panel listen as these lines of miniserv.conf say.
sub serve_on { my ($lines) = @_; put("$etc/miniserv.conf", $miniserv . $lines) }

# failed() Sets up; returns the words of what failed.
sub failed { return map { $_->[1] ? () : "$_->[2]" } set_up() }

# said(part) Sets up; returns the words of a part.
sub said { my ($part) = @_; return (grep { $_->[0] eq $part } set_up())[0]->[2] }

sub setting { my ($key) = @_; return content("$etc/virtual-server/config") =~ /^\Q$key\E=(.*)$/m ? $1 : undef }

# users() Returns those who have the module, as the file of Webmin's users has them.
sub users { return [ sort map { /^(\S+):.* virtualmin-mail-setup\b/ ? $1 : () } split(/^/, content("$etc/webmin.acl")) ] }

sub account_now { return (grep { $_->{'name'} eq $api_user } acl::_fresh_users())[0] }

serve_on("port=10000\nssl=1\n");
add_domains('virtual-server');
# Owners, as Virtualmin makes them.
add_user($_, 'virtual-server', 'noconfig' => 1) for qw(exorg dash plain);
put("$etc/config", content("$etc/config") . "ownmods_example=virtual-server\n");

subtest 'where no service answers yet' => sub {
    is_deeply([ failed() ], ["Everything is set up, but Virtualmin gave no proper answer: The service does not answer on $folder/app.sock: No such file or directory"],
        'everything is made, and the proof says what it lacks');
    like(content("$own/setup-report"), qr/^Everything is set up, but/, 'which is kept for the panel');
};

subtest 'the account' => sub {
    my $made     = account_now();
    my $password = content("$own/api-password");
    like($password, qr/^[0-9a-f]{48}$/, 'has a random password');
    is(mode("$own/api-password"), 0600, 'that root alone can read');
    is(mode($own), 0700, 'in a folder of root alone');
    is(crypt($password, $made->{'pass'}), $made->{'pass'}, 'which is the one that Webmin has');
    is_deeply($made->{'modules'}, ['virtual-server'], 'Virtualmin, and nothing else');
    is($made->{'allow'}, '127.0.0.1', 'from this machine alone');
    is_deeply({ get_module_acl($api_user, '') }, {}, 'and no limit to calls up to 8.1, which would shut it out');
    ok($WebminCore::reloads, 'Webmin has read it');
    is(content("$own/service"), "VIRTUALMIN_URL=https://127.0.0.1:10000\nVIRTUALMIN_USER=mail-setup-api\n", 'the service knows where');
    is(mode("$own/service"), 0600, 'and nobody else');
    unlike(content("$own/service"), qr/$password/, 'the password is in its own file alone');
};

subtest 'plugin, commands and units' => sub {
    is(setting('plugins'), 'virtualmin-awstats virtualmin-git virtualmin-mail-setup', 'it is a plugin beside the others');
    is(setting('avail_virtualmin-mail-setup'), 1, 'that owners may have, as the default template says');
    is(setting('allow_subdoms'), 0, "and the rest of Virtualmin's configuration stays");
    is_deeply(\%WebminCore::locked, {}, 'unlocked again');
    for my $command (qw(list-mail-setup check-mail-setup repair-mail-setup)) {
        like(`sh $folder/virtualmin $command --help 2>&1`, qr/^\s*$command\.pl/, "virtualmin $command is found");
    }
    my $service = content("$folder/units/virtualmin-mail-setup.service");
    like($service, qr{^ExecStart=/\S*/node (?:--[\w-]+=\d+ )+/\S+/app/server\.mjs$}m, 'the service runs the app');
    like($service, qr{^LoadCredential=api-password:\Q$own\E/api-password$}m, 'with the password');
    like($service, qr{^SystemCallErrorNumber=EPERM$}m, 'and a system call that is not allowed is an error, and no end');
    unlike($service, qr/@[A-Z]+@/, 'and nothing is left open');
    is(content("$folder/systemctl.log"), join('', map { "$_\n" } 'daemon-reload',
        'reset-failed virtualmin-mail-setup.socket virtualmin-mail-setup.service', 'enable --now virtualmin-mail-setup.socket',
        'try-restart virtualmin-mail-setup.service'), 'and systemd listens, whatever failed before');
};

subtest 'who may use it' => sub {
    is_deeply(users(), [qw(dash example exorg helper plain rita root)], 'owners of domains with mail, an extra admin, a reseller');
    is_deeply({ get_module_acl('rita', 'virtualmin-mail-setup') }, { 'noconfig' => 1, 'see' => 1, 'print' => 1, 'check' => 1 }, 'and can do what there is');
    is(content("$etc/config") =~ /^ownmods_example=(.*)$/m ? $1 : '', 'virtual-server virtualmin-mail-setup', 'beside what a group gives them');
    virtual_server::_modify_webmin(virtual_server::get_domain(1));
    is_deeply(users(), [qw(dash example exorg helper plain rita root)], 'which Virtualmin leaves them when it saves an owner');
    like(said('owners'), qr/: 6\. Domains for which an administrator has switched it off: 0\.$/, 'as the report says');
};

start_app("$folder/app.sock");

subtest 'again' => sub {
    my @kept = ("$own/api-password", "$own/service", map { "$etc/$_" } qw(virtual-server/config webmin.acl miniserv.users));
    my %before = map { $_ => content($_) } @kept;
    my $reloads = $WebminCore::reloads;
    is_deeply([ failed() ], [], 'the API has answered');
    is(content("$own/setup-report"), '', 'and the panel has nothing to say');
    is_deeply({ map { $_ => content($_) } @kept }, \%before, 'nothing was changed');
    is($WebminCore::reloads, $reloads, 'and Webmin was left alone');
    is_deeply(\%WebminCore::locked, {}, 'and no lock is left');
};

subtest 'what is missing is mended' => sub {
    acl::modify_user($api_user, { %{ account_now() }, 'modules' => [ 'virtual-server', 'cron' ], 'allow' => '' });
    unlink("$folder/units/virtualmin-mail-setup.socket", "$own/service", "$folder/virtualmin");
    add_domain(7, 'later.example', 'user' => 'later');
    add_user('later', 'virtual-server', 'noconfig' => 1, 'domains' => '7');
    is_deeply([ failed() ], [], 'all is well again');
    my $mended = account_now();
    is_deeply([ $mended->{'modules'}, $mended->{'allow'} ], [ ['virtual-server'], '127.0.0.1' ], 'the account has its limits');
    is(crypt(content("$own/api-password"), $mended->{'pass'}), $mended->{'pass'}, 'and its password');
    ok(-e "$folder/units/virtualmin-mail-setup.socket" && -e "$own/service" && -e "$folder/virtualmin", 'the files are there');
    ok((grep { $_ eq 'later' } @{ users() }), 'and an owner who came later has it');
};

subtest "an administrator's no" => sub {
    put("$etc/virtual-server/templates/70", "name=No setup\navail=mail=1 virtualmin-mail-setup=0\n");
    put("$etc/virtual-server/templates/71", "name=Older\navail=mail=1 dns=0\n");
    add_domain(8, 'kept.example', 'user' => 'kept', 'template' => 70);
    add_domain(9, 'older.example', 'user' => 'older', 'template' => 71);
    add_user($_, 'virtual-server', 'noconfig' => 1) for qw(kept older);
    like(said('owners'), qr/: 8\. Domains for which an administrator has switched it off: 1\.$/, 'in a template is counted');
    ok(!(grep { $_ eq 'kept' } @{ users() }), 'and stays no');
    ok((grep { $_ eq 'older' } @{ users() }), 'a list that is older than the module says no no');
    like(content("$etc/virtual-server/templates/71"), qr/^avail=mail=1 dns=0 virtualmin-mail-setup=1$/m, 'and has it from now on');
    acl::modify_user('rita', { %{ (grep { $_->{'name'} eq 'rita' } acl::_fresh_users())[0] }, 'modules' => ['virtual-server'] });
    like(said('owners'), qr/: 7\./, 'a reseller who was kept from it');
    ok(!(grep { $_ eq 'rita' } @{ users() }), 'is not given it again');
    my $default = content("$etc/virtual-server/config");
    put("$etc/virtual-server/config", $default =~ s/^avail_virtualmin-mail-setup=1$/avail_virtualmin-mail-setup=0/mr);
    add_domain(10, 'newest.example', 'user' => 'newest');
    add_user('newest', 'virtual-server', 'noconfig' => 1);
    set_up();
    is(setting('avail_virtualmin-mail-setup'), 0, 'in the default template stays as well');
    ok(!(grep { $_ eq 'newest' } @{ users() }), 'and holds');
    put("$etc/virtual-server/config", $default);
};

subtest 'on the way to 8.2' => sub {
    my $domains = "$etc/virtual-server/domains";
    my $cgi     = content("$folder/root/virtual-server/remote.cgi");
    put("$folder/root/virtual-server/remote.cgi", $cgi =~ s/\n/\n\$main::allow_rpc_only = 1;\n/r);
    # As it is where it starts with this library.
    no warnings 'redefine';
    local *virtual_server::get_domain_webmin_avail = sub { my ($d) = @_; return $d->{'webmin_avail'} // '' };
    acl::delete_user($api_user);
    put("$etc/$api_user.acl", "fdisk=1\n");
    add_user($_, 'virtual-server', 'noconfig' => 1) for qw(example exorg);
    add_domain(1, 'example.com', 'webmin_avail' => 'mail=1 dns=0');
    add_domain(3, 'example.org', 'user' => 'exorg', 'webmin_avail' => 'mail=1 virtualmin-mail-setup=0');
    like(said('owners'), qr/Domains for which an administrator has switched it off: 2\.$/, 'a no for a domain is counted');
    is_deeply({ get_module_acl($api_user, '') }, { 'fdisk' => 1, 'rpc' => 3 }, 'the account is for calls alone');
    like(content("$domains/1"), qr/^webmin_avail=mail=1 dns=0 virtualmin-mail-setup=1$/m, 'a domain that was there before has the module added');
    ok((grep { $_ eq 'example' } @{ users() }), 'and its owner has it');
    like(content("$domains/3"), qr/^webmin_avail=mail=1 virtualmin-mail-setup=0$/m, 'a no for a domain stays');
    ok(!(grep { $_ eq 'exorg' } @{ users() }), 'and holds');
    put("$folder/root/virtual-server/remote.cgi", $cgi);
};

subtest 'what cannot be done is said' => sub {
    put("$folder/broken", '');
    like((failed())[0], qr/^The service could not be set up: systemctl daemon-reload: Unit is masked\.$/, 'by systemd');
    unlink("$folder/broken");
    local $paths{'booted'} = "$folder/nowhere";
    like((failed())[0], qr/systemd is not running here/, 'without it');
    $paths{'booted'} = "$folder/booted";
    {
        local $ENV{'PATH'} = "$folder/bin";
        like((failed())[0], qr/needs Node\.js, which is not installed.*(apt-get|dnf)/, 'without Node.js');
    }
    no warnings 'redefine';
    {
        my $create = \&acl::create_user;
        local *acl::create_user = sub { $create->({ %{ $_[0] }, 'modules' => [qw(virtual-server webmin)] }) };
        acl::delete_user($api_user);
        like((failed())[0], qr/did not limit the rights of mail-setup-api as intended/, 'an account that can do more');
        is(account_now(), undef, 'is taken away at once');
    }
    {
        local *change_modules = sub { };
        add_user('later', 'virtual-server', 'noconfig' => 1, 'domains' => '7');
        is_deeply([ failed() ], ['Not everybody who manages mailboxes has the module: it was granted to them, but these still do not have it: later'],
            'an owner who has not got the module whatever was tried');
    }
    {
        my $write = \&virtual_server::create_virtualmin_api_helper_command;
        local *virtual_server::create_virtualmin_api_helper_command = sub { local @virtual_server::plugins = (); return $write->() };
        like((failed())[0], qr{^The commands could not be added to Virtualmin: \Q$folder\E/virtualmin was written again, but does not contain them}, 'a command that is not found');
    }
    serve_on("port=10000\nssl=0\nbind=192.0.2.1\n");
    like((failed())[0], qr/uses HTTP without encryption on 192\.0\.2\.1/, 'a password in the clear');
    serve_on("port=20000\nssl=1\nbind=192.0.2.1\n");
    failed();
    like(content("$own/service"), qr{^VIRTUALMIN_URL=https://192\.0\.2\.1:20000$}m, 'while over TLS another address will do');
    is(account_now()->{'allow'}, '192.0.2.1', 'and is the one that the account is bound to');
    serve_on("port=10000\nssl=1\nbind=::1\n");
    failed();
    like(content("$own/service"), qr{^VIRTUALMIN_URL=https://\[::1\]:10000$}m, 'as will one of IPv6');
    is(account_now()->{'allow'}, '::1', 'which is kept as such');
    serve_on("port=10000\nssl=1\nbind=::\n");
    failed();
    like(content("$own/service"), qr{^VIRTUALMIN_URL=https://\[::1\]:10000$}m, 'and all of IPv6 alone');
    serve_on("port=10000\n");
    rename("$etc/virtual-server/config", "$folder/kept");
    like((failed())[0], qr/Virtualmin is not set up here yet/, 'without Virtualmin');
    rename("$folder/kept", "$etc/virtual-server/config");
    is_deeply([ failed() ], [], 'and all of it can be mended');
};

subtest 'an account of the same name that is not ours' => sub {
    unlink("$own/api-password");
    my $users = content("$etc/miniserv.users");
    like((failed())[0], qr/a Webmin user mail-setup-api that this module did not make exists already/, 'is left alone');
    is(content("$etc/miniserv.users"), $users, 'as it was');
    acl::delete_user($api_user);
    is_deeply([ failed() ], [], 'and without it all is well');
};

subtest 'removal' => sub {
    mkdir("$folder/state/private/virtualmin-mail-setup");
    symlink('private/virtualmin-mail-setup', "$folder/state/virtualmin-mail-setup");
    put("$etc/virtual-server/domains/3", content("$etc/virtual-server/domains/3") =~ s/^webmin_avail=.*/webmin_avail=virtualmin-mail-setup=1 mail=1/mr);
    module_uninstall();
    is(account_now(), undef, 'takes the account away');
    is_deeply(users(), ['root'], 'and the module from those who had it from here');
    is(setting('plugins'), 'virtualmin-awstats virtualmin-git', 'and the plugin, and no other');
    is(setting('avail_virtualmin-mail-setup'), undef, 'and what the default template says of it');
    like(content("$etc/virtual-server/templates/71"), qr/^avail=mail=1 dns=0$/m, 'and other templates');
    like(content("$etc/virtual-server/domains/3"), qr/^webmin_avail=mail=1$/m, 'and domains');
    like(`sh $folder/virtualmin list-mail-setup 2>&1`, qr/was not found/, 'and the commands');
    is_deeply([ glob("$folder/units/*"), glob("$folder/state/*"), glob("$folder/state/private/*"), grep { -e } $own, "$etc/var/virtualmin-mail-setup" ],
        ["$folder/state/private"], 'and leaves nothing behind');
    like(content("$folder/systemctl.log"), qr/disable --now virtualmin-mail-setup\.socket\n.*daemon-reload\n$/s, 'and systemd no longer listens');
    is_deeply([ tear_down() ], [], 'and can be run again');
    acl::create_user({ 'name' => $api_user, 'pass' => 'x', 'modules' => ['acl'] });
    module_uninstall();
    ok(account_now(), 'an account of the same name that is not ours stays');
};

subtest 'the certificate' => sub {
    system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=panel -days 1 -keyout $folder/key -out $folder/cert 2>/dev/null") == 0 or die;
    put("$etc/miniserv.pem", content("$folder/key") . content("$folder/cert"));
    put("$etc/miniserv.conf", "ssl=1\nkeyfile=$folder/etc/miniserv.pem\n");
    my ($expected) = `openssl x509 -in $folder/cert -noout -fingerprint -sha256` =~ /=(\S+)/;
    is(certificate_fingerprint($etc), $expected, 'is the one that OpenSSL names');
    put("$etc/miniserv.conf", "ssl=0\nkeyfile=$folder/etc/miniserv.pem\n");
    is(certificate_fingerprint($etc), undef, 'and none without TLS');
    put("$etc/miniserv.conf", "ssl=1\nkeyfile=$etc/miniserv.pem\nipcert_192.0.2.9=$etc/other.pem\nipcert_127.0.0.1,panel.example=$folder/cert\n");
    put("$etc/miniserv.pem", '');
    is(certificate_fingerprint($etc), $expected, 'but that of its own address, where it has one');
};

done_testing();
