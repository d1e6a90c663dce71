#!/usr/bin/perl
# The answer service behind a domain's web server: what changes in Apache's files and the DNS, the proof, and taking it back. The app
# is the real one with its demo; in place of Apache a small web server follows the files that have been loaded.
package virtualmin_mail_setup;
use strict;
use warnings;
no warnings 'once';
use Cwd qw(abs_path);
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use Net::SSLeay;
use Test::More;
use TestApp;
use TestPanel;

my $folder = make_panel();
my $etc    = $ENV{'WEBMIN_CONFIG'};
my $own    = "$etc/virtualmin-mail-setup";
my $state  = "$own/web-server";
mkdir("$etc/apache");

my ($socket, $tls_socket) = map { IO::Socket::INET->new('LocalAddr' => '127.0.0.1', 'Listen' => 5, 'ReuseAddr' => 1) or die $! } 1 .. 2;
my ($port, $tls_port) = map { $_->sockport() } $socket, $tls_socket;

# What the web server passes on: the login that it is told, or a status.
put("$folder/login", "bob.example\n");

# loaded_host(name, port) Returns whether a virtual host of that port that has been loaded has this name and passes questions on.
sub loaded_host {
    my ($name, $at) = @_;
    for my $host (map { split(m{(?<=</VirtualHost>)}) } map { content($_) } glob("$etc/loaded/*.conf")) {
        return 1 if $host =~ /<VirtualHost \*:$at>/ && $host =~ /^\s*Server(?:Name|Alias)(?: \S+)* \Q$name\E(?: |$)/m && $host =~ /ProxyPassMatch/;
    }
    return 0;
}

# answer(request, port) Returns the web server's answer.
sub answer {
    my ($request, $at) = @_;
    my ($host)  = $request =~ /^Host: (\S+)/m;
    my ($path)  = $request =~ /^\S+ (\S+)/;
    my ($login) = content("$folder/login") =~ /(.*)/;
    return "HTTP/1.0 404 Not Found\r\n\r\n" if !loaded_host($host, $at);
    return "HTTP/1.0 302 Found\r\nLocation: https://$host$path\r\n\r\n" if $login eq 'https' && $at == $port;
    return "HTTP/1.0 $login\r\n\r\n" if $login =~ /^\d/;
    $login = 'bob.example' if $login eq 'https';
    my $body = $request =~ m{^POST /autodiscover/} ? "<LoginName>$login</LoginName>"
        : $request =~ m{^GET /mail/setup\.mobileconfig\?} ? "<key>IncomingMailServerUsername</key>\n<string>$login</string>" : "<username>$login</username>";
    return "HTTP/1.0 200 OK\r\n\r\n<x>$body</x>";
}

# serve() Answers requests over HTTP.
sub serve {
    while (my $client = $socket->accept()) {
        sysread($client, my $request, 65536);
        print {$client} answer($request, $port);
        close($client);
    }
}

# serve_tls() Answers requests over TLS, and notes the host names of its clients (SNI).
sub serve_tls {
    system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=example.com -days 1 -keyout $folder/key -out $folder/cert 2>/dev/null") == 0 or die;
    Net::SSLeay::initialize();
    my $context = Net::SSLeay::CTX_new();
    Net::SSLeay::CTX_use_PrivateKey_file($context, "$folder/key", Net::SSLeay::FILETYPE_PEM()) or die;
    Net::SSLeay::CTX_use_certificate_file($context, "$folder/cert", Net::SSLeay::FILETYPE_PEM()) or die;
    while (my $client = $tls_socket->accept()) {
        my $tls = Net::SSLeay::new($context);
        Net::SSLeay::set_fd($tls, fileno($client));
        if (Net::SSLeay::accept($tls) == 1) {
            put("$folder/sni", content("$folder/sni") . (Net::SSLeay::get_servername($tls) // '') . "\n");
            Net::SSLeay::write($tls, answer(scalar(Net::SSLeay::read($tls)), $tls_port));
            Net::SSLeay::shutdown($tls);
        }
        Net::SSLeay::free($tls);
        close($client);
    }
}

my @web_servers;
for my $work (\&serve, \&serve_tls) {
    my $child = fork() // die $!;
    if (!$child) { $work->(); exit(0) }
    push(@web_servers, $child);
}

END { kill('KILL', @web_servers) }

start_app("$folder/app.sock");
add_domains();
put("$own/config", content("$own/config") . "by_domain=client_answers\@example.com=login\tclient_answers\@example.org=login\n");

# As the command loads it.
require WebminCore;
WebminCore::foreign_require('virtualmin-mail-setup', 'web-server-lib.pl');

our (%paths, $answers_path, $proof_tries);
($paths{'snapshot'}, $answers_path, $proof_tries) = ("$folder/snapshot", "$folder/app.sock", 1);

my %site = ('web' => 1, 'web_port' => $port, 'ip' => '127.0.0.1');
add_domain(1, 'example.com', %site, 'dns' => 1, 'ip6' => '::1');

# A file with both of Virtualmin's and an administrator's way of indenting, and without an end of the last line.
my $file = "$etc/apache/example.com.conf";
my $site = "# site\n<VirtualHost *:$port>\n\tServerName example.com\n    ServerAlias www.example.com\n  ServerAlias mail.example.com\n"
    . "    ProxyPass / http://127.0.0.1:3000/\n</VirtualHost>\n# end";
my $names = 'autoconfig.example.com autodiscover.example.com';
my $zone  = [ { 'name' => 'example.com.', 'type' => 'A', 'values' => ['127.0.0.1'] } ];

# begin(text) Writes the file of the web site, and the zone, for a process that has read nothing yet.
sub begin {
    my ($text) = @_;
    forget_apache();
    put($file, $text);
    put("$folder/login", "bob.example\n");
    %virtual_server::calls = ();
    $virtual_server::dns_records{1} = [ map { +{%$_} } @$zone ];
    virtual_server::restart_apache();
}

# turn_on_virtualmins() Has Virtualmin turn on its own answers, in another process.
sub turn_on_virtualmins {
    forget_apache();
    virtual_server::enable_email_autoconfig(domain('example.com'));
    virtual_server::run_post_actions_silently();
    forget_apache();
}

# domain(name) Returns a domain as Virtualmin has it.
sub domain { my ($name) = @_; return (grep { $_->{'dom'} eq $name } all_domains())[0] }

# outcome(work, name, options) Runs put_behind() or take_back() for a domain. Returns what was said, and the error.
sub outcome {
    my ($work, $name, $dry_run) = @_;
    my @said;
    my $say = sub { push(@said, @_) };
    my $ok  = eval { $work eq 'put' ? put_behind(domain($name), latest_answers(!$dry_run), $say, $dry_run) : take_back(domain($name), $say, $dry_run); 1 };
    is_deeply([ \%WebminCore::locked, \%virtual_server::got_lock, \@main::post_actions ], [ {}, {}, [] ], "$work: nothing is left locked or to do");
    return (join("\n", @said, ''), $ok ? '' : $@);
}

# records() Returns the names and types of the zone's records.
sub records { return join(' ', map { "$_->{'name'}$_->{'type'}" } @{ $virtual_server::dns_records{1} }) }

my @lines = own_lines(domain('example.com'));
my $set_up = $site =~ s/(<VirtualHost.*\n)/$1 . join('', @lines)/er;

subtest 'what the lines are' => sub {
    my $document = content("$FindBin::Bin/../../docs/answers.md");
    my ($pattern) = $document =~ /^    location ~\* \^(\S+)/m;
    like($lines[2], qr/^    ProxyPassMatch "\(\?i\)\^\Q$pattern\E" "unix:\S+\|http:\/\/localhost"$/, 'the paths are those of the documentation');
    is($lines[1], "    ServerAlias $names\n", 'with both host names');
};

subtest 'only shown' => sub {
    begin($site);
    my ($said, $error) = outcome('put', 'example.com', 1);
    is($error, '', 'no error');
    like($said, qr/^\+\Q$lines[2]\E/m, 'the lines to add');
    like($said, qr/^DNS record: autoconfig\.example\.com A 127\.0\.0\.1\nDNS record: autoconfig\.example\.com AAAA ::1$/m, 'the DNS records');
    is_deeply([ content($file), records(), -e $state, -e "$folder/snapshot" ], [ $site, 'example.com.A', undef, undef ], 'nothing has changed');
};

subtest 'set up, again, and taken back' => sub {
    begin($site);
    my ($said, $error) = outcome('put', 'example.com');
    is($error, '', 'no error');
    like($said, qr/^\+\Q$lines[1]\E.*^Proof: 4 of 4 questions are answered, for bob\@example\.com with the login bob\.example\.$/ms, 'the change comes before the proof');
    is(content($file), $set_up, 'the lines are the first of the virtual host, the rest is as it was');
    is(records(), 'example.com.A ' . join(' ', map { "$_.A $_.AAAA" } split(/ /, $names)), 'DNS records');
    ok(-e "$folder/snapshot/public/snapshot.json", 'the answer service has a new snapshot');
    is(mode("$state/1"), 0600, 'what has changed is stored');
    my %calls = %virtual_server::calls;
    ($said, $error) = outcome('put', 'example.com');
    like("$said$error", qr/^Nothing has to be changed\.\n.*^Proof: 4 of 4/ms, 'again, it only proves');
    is_deeply([ content($file), $virtual_server::calls{'restart_apache'} ], [ $set_up, $calls{'restart_apache'} ], 'and changes nothing');
    ($said, $error) = outcome('back', 'example.com', 1);
    like($said, qr/^-\Q$lines[1]\E/m, 'taking back is shown');
    is(content($file), $set_up, 'and not done');
    ($said, $error) = outcome('back', 'example.com');
    is_deeply([ $error, content($file), records(), -e $state ], [ '', $site, 'example.com.A', undef ], 'everything is as it was, to the byte');
    ($said, $error) = outcome('back', 'example.com');
    is("$said$error", "There is nothing to take back.\n", 'then there is nothing to take back');
};

subtest 'a web site with TLS' => sub {
    my %tls = (%site, 'ssl' => 1, 'web_sslport' => $tls_port);
    add_domain(1, 'example.com', %tls);
    my $two = $site . "\n" . $site =~ s/:$port>/:$tls_port>/r;
    begin($two);
    put("$folder/sni", '');
    local $virtual_server::certificates{1} = ['autoconfig.example.com'];
    my ($said, $error) = outcome('put', 'example.com');
    is($error, '', 'no error');
    like($said, qr/^Proof: 8 of 8 questions/m, 'is asked over http and over https');
    is(content("$folder/sni"), join('', map { "$_\n" } qw(autoconfig.example.com example.com example.com autodiscover.example.com)), 'with the names of the hosts (SNI)');
    like($said, qr/^Its certificate does not cover autodiscover\.example\.com: /m, 'a name that the certificate lacks is said');
    is(scalar(() = content($file) =~ /ProxyPassMatch/g), 2, 'both virtual hosts have the lines');
    put("$folder/login", "https\n");
    like((outcome('put', 'example.com'))[0], qr/^Proof: 8 of 8 questions/m, 'redirects to https are followed');
    put($file, content($file) =~ s/<VirtualHost \*:$tls_port>.*//sr);
    forget_apache();
    virtual_server::restart_apache();
    like((outcome('put', 'example.com'))[1], qr{^The proof failed: http://autoconfig\.example\.com/mail/config-v1\.1\.xml: the answer has the status 404$}m, 'and what is there counts');
    outcome('back', 'example.com');
    unlike(content($file), qr/mail setup/, 'no line is left');
    add_domain(1, 'example.com', %site, 'dns' => 1, 'ip6' => '::1');
};

subtest 'records that are there' => sub {
    begin($site);
    push(@{ $virtual_server::dns_records{1} }, { 'name' => 'autoconfig.example.com.', 'type' => 'CNAME' }, { 'name' => 'autodiscover.example.com.', 'type' => 'A' });
    my $before = records();
    outcome('put', 'example.com');
    is(records(), "$before autodiscover.example.com.AAAA", 'only what is missing is added');
    push(@{ $virtual_server::dns_records{1} }, { 'name' => 'autodiscover.example.com.', 'type' => 'TXT' });
    outcome('back', 'example.com');
    like(records(), qr/^example\.com\.A autoconfig\.example\.com\.CNAME .*autodiscover\.example\.com\.TXT$/, 'records of other names and types stay');
};

subtest 'records that were lost since' => sub {
    begin($site);
    outcome('put', 'example.com');
    @{ $virtual_server::dns_records{1} } = grep { $_->{'name'} !~ /^autodiscover/ } @{ $virtual_server::dns_records{1} };
    my ($said) = outcome('put', 'example.com');
    like($said, qr/^DNS record: autodiscover\.example\.com A /m, 'are added again');
    outcome('back', 'example.com');
    is(records(), 'example.com.A', 'and all are removed in the end');
};

subtest 'a domain that has been renamed since' => sub {
    begin($site);
    outcome('put', 'example.com');
    # Virtualmin leaves comments as they are.
    put($file, join('', map { /^\s*#/ ? $_ : s/example\.com/new.example/gr } split(/^/, content($file))));
    $_->{'name'} =~ s/example\.com/new.example/ for @{ $virtual_server::dns_records{1} };
    add_domain(1, 'new.example', %site, 'dns' => 1);
    outcome('back', 'new.example');
    unlike(content($file), qr/mail setup|autoconfig|ProxyPassMatch/, 'its lines are removed');
    is(records(), 'new.example.A', 'and its records');
    ok(!-e $state, 'nothing is stored any more');
    add_domain(1, 'example.com', %site, 'dns' => 1, 'ip6' => '::1');
};

subtest "Virtualmin's own answers" => sub {
    begin($site);
    turn_on_virtualmins();
    my $with_own = content($file) =~ s/^    /\t /gmr;
    begin($with_own);
    virtual_server::enable_dns_autoconfig(domain('example.com'), $_) for split(/ /, $names);
    @main::post_actions = ();
    my ($zone_before, $marked) = (records(), $apache::marked);
    my ($said, $error) = outcome('put', 'example.com', 1);
    is_deeply([ content($file), $apache::marked ], [ $with_own, $marked ], 'are only shown to be turned off');
    ($said, $error) = outcome('put', 'example.com');
    is($error, '', 'are turned off');
    like($said, qr/^Virtualmin's own answers are on: they are turned off/, 'and that is said');
    like($said, qr{^-\t Redirect /mail/config-v1\.1\.xml}m, 'with their lines');
    unlike(content($file), qr/Redirect/, 'their lines are gone');
    like(content($file), qr{^\t ProxyPass / }m, 'other lines are not indented anew');
    is(records(), $zone_before, 'their DNS records stay');
    outcome('back', 'example.com');
    is_deeply([ content($file), records(), -e $state ], [ $with_own, $zone_before, undef ], 'and back, to the byte');

    outcome('put', 'example.com');
    put($file, content($file) =~ s/^(\s*ServerAlias auto)/    Header set A b\n$1/mr . "\n# later");
    outcome('back', 'example.com');
    my $now = content($file);
    like($now, qr/^    Header set A b\n(?!.*mail setup)/m, 'in a file that has been edited since, only our lines are removed');
    unlike($now, qr/ProxyPassMatch|mail setup/, 'all of them');
    like($now, qr{^    Redirect /mail/config-v1\.1\.xml .*^# later}ms, 'and Virtualmin turns its own on again');
    is($virtual_server::calls{'enable_email_autoconfig'}, 1, 'with its own function');
};

subtest 'an alias domain in the same virtual host' => sub {
    add_domain(20, 'alias.example', 'alias' => 1, %site);
    my $both = $site =~ s/mail\.example\.com/mail.example.com alias.example/r;
    begin($both);
    like((outcome('put', 'alias.example'))[1], qr/add client_answers\@alias\.example=login to the module's configuration, and the same for example\.com$/, 'needs the setting, and that of its target');
    put("$own/config", content("$own/config") =~ s/^(by_domain=.*)/$1\tclient_answers\@alias.example=login/mr);
    my $answers = latest_answers();
    $answers->{'alias.example'} = $answers->{'example.com'};
    put_behind(domain('alias.example'), $answers, sub { });
    outcome('put', 'example.com');
    my $set = content($file);
    put_behind(domain('alias.example'), $answers, sub { });
    is(content($file), $set, 'again, nothing changes');
    turn_on_virtualmins();
    my ($said, $error) = outcome('put', 'example.com');
    is($error, '', "Virtualmin's own are turned off again");
    is(content($file), $set =~ s/^\s+/    /gmr . "\n", 'our lines stay where they are');
    is_deeply([ map { $_->{'dom'} } changed_domains() ], [qw(alias.example example.com)], 'it is taken back before its target');
    put_behind(domain('alias.example'), $answers, sub { });
    unlink("$etc/virtual-server/domains/20");
    is_deeply([ changed_domains() ], [ { 'id' => '20', 'dom' => 'alias.example', 'gone' => 1 }, domain('example.com') ], 'also when Virtualmin has deleted it');
    is_deeply([ take_back_all() ], [], 'all are taken back');
    unlike(content($file), qr/mail setup|alias\.example autodiscover/, 'no line is left');
    ok(!-e $state, 'nothing is stored any more');
};

subtest 'the proof fails' => sub {
    for (["another login", "other\n", qr/the answer has the login other instead of bob\.example/], ['an error', "503 x\n", qr/the answer has the status 503/],
        ['a redirect', "302 Found\r\nLocation: https://autoconfig.example.com/mail/config-v1.1.xml\n", qr/the answer has the status 302/],
        ['a module is missing', "500 x\n", qr/status 500\nApache needs its modules proxy and proxy_http\./]) {
        my ($name, $login, $message) = @$_;
        begin($site);
        put("$folder/login", $login);
        my ($said, $error) = outcome('put', 'example.com');
        like($error, qr/^The proof failed: .*$message.*\nEverything has been taken back\.$/s, "$name: the reason");
        is_deeply([ content($file), content("$etc/loaded/example.com.conf"), records(), -e $state ], [ $site, $site, 'example.com.A', undef ], "$name: everything is as it was");
    }
    begin($site);
    outcome('put', 'example.com');
    put("$folder/login", "503 x\n");
    my (undef, $error) = outcome('put', 'example.com');
    unlike($error, qr/taken back/, 'what an earlier run has changed is not taken back');
    is(content($file), $set_up, 'so it works again when the service does');
    outcome('back', 'example.com');
};

subtest 'Apache refuses its files' => sub {
    begin($site);
    local $apache::complaint = "AH00526: Syntax error\nelsewhere\n";
    my $restarts = $virtual_server::calls{'restart_apache'};
    my ($said, $error) = outcome('put', 'example.com');
    is($error, "Apache does not accept the configuration: AH00526: Syntax error elsewhere \n", 'as they are: its message');
    is_deeply([ content($file), records(), -e $state ], [ $site, 'example.com.A', undef ], 'nothing has changed');
    $apache::complaint = undef;
    no warnings 'redefine';
    local *apache::test_config = sub { return content($file) eq $site ? undef : "Invalid command 'ProxyPassMatch'\n" };
    ($said, $error) = outcome('put', 'example.com');
    like($error, qr/^Apache does not accept the configuration: Invalid command 'ProxyPassMatch' \nApache needs its modules proxy and proxy_http\.\nEverything has been/, 'with the change');
    is_deeply([ content($file), records(), -e $state ], [ $site, 'example.com.A', undef ], 'everything is as it was');
    is($virtual_server::calls{'restart_apache'}, $restarts + 1, 'Apache has read only the files as they were');
};

subtest 'domains that cannot be set up' => sub {
    add_domain(1, 'example.com', 'virtualmin-nginx' => 1);
    my ($said, $error) = outcome('put', 'example.com');
    like($error, qr{^Its web server is not Apache.*^    server_name \Q$names\E;\n    location ~\* \^/\(mail/\(config.* \{\n        proxy_pass http://unix:\Q$answers_path\E:;$}ms, 'another web server');
    add_domain(1, 'example.com');
    like((outcome('put', 'example.com'))[1], qr/^It has no web site in Virtualmin\./, 'none');
    add_domain(1, 'example.com', %site, 'web_port' => 1);
    like((outcome('put', 'example.com'))[1], qr/^Apache has no virtual host for it$/, 'no virtual host');
    add_domain(4, 'dash.example', %site);
    like((outcome('put', 'dash.example'))[1], qr/tell mail clients nothing about this domain: add client_answers\@dash\.example=login/, 'settings that say no');
    local $answers_path = "$folder/nowhere";
    like((outcome('put', 'example.com'))[1], qr/^The answer service does not run/, 'no service');
};

subtest 'which mailbox is compared' => sub {
    my $d = domain('example.com');
    my %told = ('answers' => 'address');
    is(sample_mailbox($d, \%told)->{'login'}, sample_mailbox($d, \%told)->{'address'}, 'where only addresses are told, the login is the address');
    like(sample_mailbox($d, { %told, 'aliasOf' => 'target.example' })->{'login'}, qr/\@target\.example$/, 'in an alias domain it is that in the target');
    is(sample_mailbox($d, { 'answers' => 'login' })->{'login'}, 'bob.example', 'else it is that of the pages');
};

subtest 'the command' => sub {
    my $command = "$^X -w " . abs_path("$FindBin::Bin/../../src/webmin/setup-mail-autoconfig.pl");
    like(`$command 2>&1`, qr/^Either --domain or --all-domains$/m, 'needs domains');
    like(`$command --domain a --all-domains 2>&1`, qr/^Either --domain or --all-domains$/m, 'or all');
    like(`$command --help 2>&1`, qr/setup-mail-autoconfig --domain domain\.name \| --all-domains/, 'has help');
};

done_testing();
