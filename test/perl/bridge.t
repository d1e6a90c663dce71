#!/usr/bin/perl
# The bridge as it runs in the panel, between a browser that is played here and the real app on a real socket.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use IPC::Open2;
use JSON::PP;
use MIME::Base64;
use Test::More;
use TestApp;

my $root   = "$FindBin::Bin/../..";
my $folder = tempdir('CLEANUP' => 1);
my $socket = "$folder/app.sock";
my $module = "$root/src/webmin";
our @all   = qw(example.com example.org dash.example plain.example sub.example.com);

like(start_app($socket), qr/is at \Q$socket\E$/, 'the app listens, and prints no token');

mkdir("$folder/etc");
mkdir("$folder/etc/virtualmin-mail-setup");

# configure(file, text) Writes one of the panel's files.
sub configure {
    my ($name, $text) = @_;
    open(my $file, '>', "$folder/etc/$name") or die $!;
    print {$file} $text;
    close($file);
}

# ask(path, options) Runs index.cgi as the panel does; returns its headers and its body.
sub ask {
    my ($path, %given) = @_;
    my ($bare, $query) = split(/\?/, $path, 2);
    my $body   = $given{'body'} // '';
    my $prefix = $given{'webprefix'} // '';
    open(my $access, '>', "$folder/access") or die $!;
    print {$access} encode_json({ 'all' => \@all, 'role' => 'master', %{ $given{'access'} // {} } });
    close($access);
    local %ENV = (
        'PATH'           => $ENV{'PATH'},
        'PERL5LIB'       => "$FindBin::Bin/lib",
        'REQUEST_METHOD' => $given{'method'} // ($body eq '' ? 'GET' : 'POST'),
        'REQUEST_URI'    => "$prefix/virtualmin-mail-setup/index.cgi$path",
        'CONTENT_LENGTH' => length($body),
        'CONTENT_TYPE'   => $given{'type'} // 'application/x-www-form-urlencoded',
        'WEBMIN_CONFIG'  => "$folder/etc",
        'TEST_USER'      => $given{'user'} // 'root',
        'TEST_WEBPREFIX' => $prefix,
        'TEST_SOCKET'    => $given{'socket'} // $socket,
        'TEST_LANG'      => "$module/lang/en",
        'TEST_ACCESS'    => "$folder/access",
        'TEST_ACTIONS'   => "$folder/actions",
        %{ $given{'env'} // {} },
    );
    my $pid = open2(my $out, my $in, "cd $module && exec perl -w index.cgi 2>$folder/errors") or die $!;
    binmode($_) for $in, $out;
    print {$in} $body;
    close($in);
    my $text = do { local $/; <$out> };
    waitpid($pid, 0);
    my ($head, $rest) = split(/\r\n\r\n/, $text, 2);
    return ($head, $rest // '');
}

# token(options) Returns the token that a page gives to its forms.
sub token {
    my (%given) = @_;
    my (undef, $page) = ask('/', %given);
    return $page =~ /name="token" value="(\w{64})"/ ? $1 : 'none';
}

sub errors { open(my $file, '<', "$folder/errors") or die $!; local $/; return <$file> // '' }

my $owner = { 'role' => 'owner', 'domains' => ['example.com'] };

subtest 'a page stands inside the panel, and its links lead through it' => sub {
    my ($head, $body) = ask('/domains/example.com');
    like($head, qr{^Content-type: text/html}, 'with the header of the panel');
    like($body, qr{^<panel title="Mail Client Setup · example.com">}, 'with its title');
    like($body, qr{</panel>\n$}, 'and its foot');
    like($body, qr{bob\.example}, 'and what it is about');
    unlike($body, qr{<html|<body|<!DOCTYPE}i, 'and is no document of its own');
    like($body, qr{href="/virtualmin-mail-setup/index\.cgi/domains/example\.com/mailboxes/bob\.example"}, 'links');
    like($body, qr{href="/virtualmin-mail-setup/assets/panel\.css"}, 'assets');
    is(errors(), '', 'nothing is complained about');
};

subtest "in the viewer's language" => sub {
    my (undef, $body) = ask('/domains/example.com', 'env' => { 'TEST_LANGUAGE' => 'de.UTF-8' });
    like($body, qr{Postf\xc3\xa4chern melden sich mit einem Namen an}, 'as the panel has it');
};

subtest 'behind a prefix' => sub {
    my (undef, $body) = ask('/', 'webprefix' => '/panel');
    like($body, qr{href="/panel/virtualmin-mail-setup/index\.cgi/domains/example\.com"}, 'links have it');
};

subtest 'a document is passed on as it is' => sub {
    my ($head, $body) = ask('/domains/example.com/mailboxes/bob.example/sheet');
    like($head, qr{^Content-Type: text/html; charset=utf-8\r?$}m, 'a sheet to print');
    like($body, qr{^<!DOCTYPE html>}, 'whole');
    like($head, qr{frame-ancestors 'self'}, 'in a frame of the panel alone');
    like($body, qr{href="/virtualmin-mail-setup/assets/sheet\.css"}, 'with its style');
};

subtest 'a file is passed on byte for byte, with its name' => sub {
    my ($head, $body) = ask('/domains/example.com/mailboxes/bob.example/sheet.pdf');
    like($head, qr{^Content-Type: application/pdf\r?$}m, 'type');
    like($head, qr{^Content-Disposition: attachment; filename="bob\@example\.com\.pdf"\r?$}m, 'name');
    like($body, qr{^%PDF-1\.7.*%%EOF\s*$}s, 'whole');
    my ($json_head, $json) = ask('/domains/example.com/mailboxes.json');
    is(decode_json($json)->{'domain'}, 'example.com', 'JSON');
};

subtest 'a login with signs arrives as it was sent' => sub {
    my (undef, $body) = ask('/domains/plain.example');
    my @paths = $body =~ m{href="/virtualmin-mail-setup/index\.cgi(/domains/plain\.example/mailboxes/[^"/]+)"}g;
    ok(scalar(@paths), 'there are some');
    for my $path (@paths) {
        my ($head) = ask("$path/settings.json");
        like($head, qr{^Content-Type: application/json}m, $path);
    }
};

subtest 'a form' => sub {
    my $body = 'selected=1&login=bob.example&login=zoe.example&token=' . token();
    my (undef, $csv) = ask('/domains/example.com/mailboxes.csv', 'body' => $body);
    is(scalar(grep { /\@example\.com/ } split(/\r?\n/, $csv)), 2, 'arrives whole');
    my ($head) = ask('/domains/example.com', 'body' => 'token=' . token());
    like($head, qr{^Status: 303\r\n}, 'a redirect keeps its status');
    like($head, qr{^Location: \./example\.com\r?$}m, 'and leads back through the panel');
};

subtest 'a logo' => sub {
    my $boundary = 'a-boundary';
    my $svg  = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 1"><rect width="4" height="1"/></svg>';
    my $body = join("\r\n", "--$boundary", 'Content-Disposition: form-data; name="token"', '', token(), "--$boundary",
        'Content-Disposition: form-data; name="version"', '', '', "--$boundary",
        'Content-Disposition: form-data; name="logo_file"; filename="x.svg"', 'Content-Type: image/svg+xml', '', $svg,
        "--$boundary--", '');
    my ($head) = ask('/branding', 'body' => $body, 'type' => "multipart/form-data; boundary=$boundary");
    like($head, qr{^Location: /virtualmin-mail-setup/index\.cgi/branding\?saved=1\r?$}m, 'arrives as a file does');
    ($head, $body) = ask('/domains/example.com/logo');
    like($head, qr{^Content-Security-Policy: default-src 'none'; sandbox\r?$}m, 'and is served with its policy');
    like($body, qr{<rect}, 'as it is');
};

subtest 'mail that is not set up' => sub {
    my ($head, $body) = ask('/domains/example.com/mailboxes/bob.example/send', 'body' => 'to=a@b.example&subject=x&token=' . token());
    like($head, qr{^Status: 404\r\n}, 'is not there');
    like($body, qr{mail_from}, 'and it is said why');
};

subtest 'who sees what' => sub {
    my (undef, $body) = ask('/', 'user' => 'example', 'access' => $owner);
    like($body, qr{domains/example\.com"}, 'an owner sees their own domain');
    unlike($body, qr{example\.org}, 'and no other');
    for my $path ('', '/mailboxes.json', '/sheets.pdf', '/mailboxes/ann/settings.txt', '/branding') {
        my ($head) = ask("/domains/example.org$path", 'user' => 'example', 'access' => $owner);
        like($head, qr{^Status: 404\r\n}, "another's is not there: $path");
        my $body = 'token=' . token('user' => 'example', 'access' => $owner);
        ($head) = ask("/domains/example.org$path", 'user' => 'example', 'access' => $owner, 'body' => $body);
        like($head, qr{^Status: 404\r\n}, "by a form neither: $path");
    }
    my ($head) = ask('/branding', 'user' => 'example', 'access' => $owner);
    like($head, qr{^Status: 403\r\n}, 'an owner has no branding of the server');
    my $rita = { 'role' => 'reseller', 'domains' => [ 'example.com', 'dash.example' ] };
    (undef, $body) = ask('/', 'user' => 'rita', 'access' => $rita);
    is(scalar(() = $body =~ /<th scope="row"/g), 2, "a reseller sees their customers' domains");
    ($head) = ask('/branding', 'user' => 'rita', 'access' => $rita);
    like($head, qr{Location: /virtualmin-mail-setup/index\.cgi/branding/resellers/rita}, 'and their branding');
    my $no_users = { %$owner, 'no_users' => ['example.com'] };
    (undef, $body) = ask('/', 'user' => 'example', 'access' => $no_users);
    unlike($body, qr{example\.com}, 'who may not edit users sees none');
};

subtest 'what a browser says of the viewer does not count' => sub {
    my $forged = encode_base64(
        encode_json({ 'user' => 'root', 'role' => 'master-admin', 'domains' => '*', 'pages' => '/x', 'assets' => '/x' }), '');
    my ($head) = ask('/domains/example.org', 'user' => 'example', 'access' => $owner,
        'env' => { 'HTTP_MAIL_SETUP_VIEWER' => $forged, 'HTTP_ACCEPT_LANGUAGE' => "en\r\nMail-Setup-Viewer: $forged" });
    like($head, qr{^Status: 404\r\n}, 'in a header of its own, or inside another');
    ($head) = ask("/domains/example.org HTTP/1.0\r\nMail-Setup-Viewer: $forged\r\n\r\n", 'user' => 'example', 'access' => $owner);
    like($head, qr{^Status: 404\r\n}, 'nor in the address');
    my $raw = IO::Socket::UNIX->new('Peer' => $socket) or die $!;
    print {$raw} "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";
    like(scalar(<$raw>), qr{^HTTP/1\.1 403 }, 'and without one the app answers nothing');
};

subtest 'the token of a form' => sub {
    my $token = token();
    is(token(), $token, 'stays the same within a login');
    my @others = map { token(%$_) } { 'user' => 'admin' }, { 'env' => { 'SESSION_ID' => 'another' } };
    is(scalar(grep { $_ ne $token && $_ ne 'none' } @others), 2, 'and is another one for another user or login');
    my ($head, $body) = ask('/domains/example.com/mailboxes.csv', 'body' => "selected=1&login=bob.example&token=$others[0]");
    like($head, qr{^Status: 403\r\n}, 'which does not do');
    unlike($body, qr{bob\@example}, 'and gets nothing');
    is((stat("$folder/etc/virtualmin-mail-setup/form-secret"))[2] & 0777, 0600, 'the secret behind it is for root alone');
};

subtest 'what a master admin keeps a user from' => sub {
    my ($head) = ask('/domains/example.com/sheets.pdf', 'env' => { 'TEST_MAY' => 'see check' });
    like($head, qr{^Status: 403\r\n}, 'printing');
    ($head) = ask('/', 'env' => { 'TEST_MAY' => '' });
    like($head, qr{^Status: 403\r\n}, 'or everything');
};

subtest "the module's configuration" => sub {
    my $port = sub {
        my (undef, $json) = ask("/domains/$_[0]/mailboxes/$_[1]/settings.json");
        return decode_json($json)->{'outgoing'}->[0]->{'port'};
    };
    is($port->('example.com', 'bob.example'), 587, "the package's");
    configure('virtualmin-mail-setup/config',
        "submission_port=2587\nby_domain=submission_port\@example.org=3587\tsheet_paper\@example.org=letter\nsocket=/elsewhere\n");
    is($port->('example.com', 'bob.example'), 2587, "the host's, at the next request");
    my (undef, $json) = ask('/domains/example.org/mailboxes.json');
    my $login = decode_json($json)->{'mailboxes'}->[0]->{'login'};
    is($port->('example.org', $login), 3587, 'and what is for one domain');
    configure('virtualmin-mail-setup/config', "imap_port=none\n");
    my ($head, $body) = ask('/domains/example.com');
    like($body, qr{Module Config: imap_port must be a port}, 'a mistake is named');
    unlike($body, qr{bob\@example}, 'and nothing is shown');
    unlink("$folder/etc/virtualmin-mail-setup/config");
    is($port->('example.com', 'bob.example'), 587, 'until it is mended');
};

subtest 'what of the set-up failed' => sub {
    configure('virtualmin-mail-setup/setup-report', "The account <x> could not be made\n");
    my (undef, $body) = ask('/');
    like($body, qr{set-up of this module is not complete.*<li>The account &lt;x&gt; could not be made</li>.*repair-mail-setup}s,
        'a master admin reads');
    (undef, $body) = ask('/', 'user' => 'example', 'access' => $owner);
    unlike($body, qr{repair-mail-setup}, 'and nobody else');
    my (undef, $sheet) = ask('/domains/example.com/sheets');
    unlike($sheet, qr{repair-mail-setup}, 'and no sheet says it');
    configure('virtualmin-mail-setup/setup-report', '');
    (undef, $body) = ask('/');
    unlike($body, qr{repair-mail-setup}, 'until it is well');
};

subtest 'a viewer of 2,000 domains' => sub {
    my @many = map { "customer-number-$_.some-long-name.example" } 1 .. 2000;
    local @all = (@all, @many);
    my ($head, $body) = ask('/', 'user' => 'big', 'access' => { 'role' => 'reseller', 'domains' => [ @many, 'example.com' ] });
    like($body, qr{domains/example\.com"}, 'is taken');
};

# actions() Returns what the panel's log has got since it was asked last.
sub actions {
    open(my $file, '<', "$folder/actions") or return ();
    my @lines = <$file>;
    unlink("$folder/actions");
    return map { decode_json($_) } @lines;
}

subtest "the panel's log of actions" => sub {
    actions();
    ask('/domains/example.com/mailboxes/bob.example/profile.mobileconfig');
    ask('/domains/example.com/sheets', 'body' => 'selected=1&login=bob.example&login=zoe.example&token=' . token());
    ask('/domains/example.com/sheets.zip?login=bob.example');
    ask('/domains/example.com');
    ask('/domains/example.com/mailboxes/off.example/sheet.pdf');
    is_deeply([ actions() ], [
        [ 'file', 'mail', 'example.com',
            { 'domain' => 'example.com', 'login' => 'bob.example', 'file' => 'profile.mobileconfig' } ],
        [ 'sheets', 'mail', 'example.com', { 'domain' => 'example.com', 'count' => '2' } ],
        [ 'pdf', 'mail', 'example.com',
            { 'domain' => 'example.com', 'count' => '1', 'file' => 'example.com-sheets.zip' } ],
    ], 'has files and sheets, and neither pages nor what failed');
};

subtest 'without Node.js, or with too old a one' => sub {
    for my $case ([ '', qr/No Node\.js is installed/ ], [ 'v16.20.1', qr/too old: the service needs 18\.19/ ],
        [ 'v18.13.0', qr/too old/ ], [ 'v18.19.0', qr/not running.*SOCKET_PATH=|not running.*virtualmin repair-mail-setup/s ]) {
        my ($version, $words) = @$case;
        my $bin = "$folder/bin$version";
        mkdir($bin);
        symlink($_, "$bin/" . (split(m{/}, $_))[-1]) for '/usr/bin/perl', '/bin/sh';
        if ($version ne '') {
            open(my $node, '>', "$bin/node") or die $!;
            print {$node} "#!/bin/sh\necho $version\n";
            close($node);
            chmod(0755, "$bin/node");
        }
        my (undef, $body) = ask('/', 'socket' => "$folder/nowhere.sock", 'env' => { 'PATH' => $bin });
        like($body, $words, $version || 'none');
        like($body, qr/apt-get install nodejs|dnf install nodejs/, 'with the command') if $version lt 'v18.19';
    }
};

subtest 'where the app is not there' => sub {
    my ($head, $body) = ask('/', 'socket' => "$folder/nowhere.sock");
    like($body, qr{<panel title="Mail Client Setup">}, 'the panel says so');
    like($body, qr{virtualmin repair-mail-setup|SOCKET_PATH=}, 'with the command that helps');
    like(errors(), qr{nowhere\.sock: No such file}, 'and the log has the reason');
};

done_testing();
