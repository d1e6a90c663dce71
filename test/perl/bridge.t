#!/usr/bin/perl
# The bridge as it runs in the panel: in the stand-in of MiniServ, with the real app on a real socket.
use strict;
use warnings;
use Encode qw(decode);
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::UNIX;
use JSON::PP;
use MIME::Base64;
use MiniServ;
use POSIX ();
use Test::More;
use TestApp;
use TestPanel;
use Time::HiRes qw(sleep);

require "$FindBin::Bin/../../src/webmin/app-lib.pl";

my $folder = make_panel();
my $etc    = $ENV{'WEBMIN_CONFIG'};
my $socket = "$folder/app.sock";
add_domains();

like(start_app($socket), qr/is at \Q$socket\E$/, 'the app listens, and prints no token');

my $panel = MiniServ->start('folder' => $etc, 'root' => "$folder/root", 'config' => { 'session' => 1 });
my $module = '/virtualmin-mail-setup';

# request(path, options) Requests a page of the module, over HTTP/1.1; returns its head and body, and the whole answer.
sub request {
    my ($path, %given) = @_;
    my $user   = $given{'user'} // 'root';
    my $prefix = $given{'webprefix'} // '';
    my %headers = ('Cookie' => 'sid=' . session($given{'login'} // $user, $user), %{ $given{'headers'} // {} });
    $headers{'Content-Type'} = $given{'type'} // 'application/x-www-form-urlencoded' if defined($given{'body'});
    my $method = $given{'method'} // (defined($given{'body'}) ? 'POST' : 'GET');
    my $answer;
    for (1 .. 100) {
        $answer = $panel->request($method, "$prefix$module/index.cgi$path", 'version' => $given{'version'} // '1.1',
            'user' => undef, 'headers' => \%headers, 'body' => $given{'body'}, 'leave_after' => $given{'leave_after'}, 'timeout' => $given{'timeout'});
        # On a busy machine the recorded Virtualmin can take longer than the app waits: then the page says so, and reloads.
        last if ($answer->status // 0) != 202;
        sleep(0.1);
    }
    return ($answer->head, $answer->body, $answer);
}

# session(login, user) Returns the id of a user's session, one per login.
my %sessions;
sub session { my ($login, $user) = @_; return $sessions{$login} //= $panel->session($user) }

# token(options) Returns the form token of a page.
sub token {
    my (%given) = @_;
    my (undef, $page) = request('/', %given);
    return $page =~ /name="token" value="(\w{64})"/ ? $1 : 'none';
}

# errors() Returns the part of the panel's error log that is new since the last call.
my $reported = 0;
sub errors { my $all = $panel->errors() =~ s/^.* miniserv\.pl started\n//r; my $new = substr($all, $reported); $reported = length($all); return $new }

# configure(file, text) Writes a file of the panel's configuration.
sub configure { my ($name, $text) = @_; put("$etc/$name", $text) }


errors();

subtest 'a page inside the panel' => sub {
    my ($head, $body) = request('/domains/example.com');
    like($head, qr{^HTTP/1\.0 200 OK\r\n.*^Content-type: text/html}ms, 'it has the headers of the panel');
    like($body, qr{^<panel title="Mail Client Setup">\n<subtitle>example\.com</subtitle>}, 'it has a title and a subtitle');
    like($body, qr{</panel>\n$}, 'it has the foot of the panel');
    like($body, qr{bob\.example}, 'it has its content');
    unlike($body, qr{<html|<body|<!DOCTYPE}i, 'it is not a whole document');
    like($body, qr{href="/virtualmin-mail-setup/index\.cgi/domains/example\.com/mailboxes/bob\.example"}, 'links lead through the panel');
    like($body, qr{href="/virtualmin-mail-setup/assets/panel\.css\?v=[\d.]+"}, 'assets have their version');
    is(errors(), '', 'no errors in the log');
    unlike($head, qr{[^\r]\n}, 'every header ends with CR and LF');
};

subtest 'the link to help' => sub {
    my $help = sub { my ($path) = @_; return (request($path))[1] =~ m{<help page="(.*?)">} ? $1 : undef };
    is($help->('/'), 'intro', 'of the domains');
    is($help->('/domains/example.com/mailboxes/bob.example'), 'mailbox', 'of a mailbox');
    is($help->('/domains/nosuch.example'), 'error', 'of an error');
};

subtest 'the links at the foot of a page' => sub {
    my $links = sub {
        my ($path) = @_;
        return [ map { [ m{href="([^"]+)">Return to (.*?)</a>} ] } (request($path))[1] =~ m{(<a class="return".*)}g ];
    };
    my $index = '/virtualmin-mail-setup/index.cgi';
    is_deeply($links->('/'), [ [ '/', 'Webmin index' ] ], 'of the domains');
    is_deeply($links->('/domains/example.com'), [ [ $index, 'domains' ] ], 'of the mailboxes, if Virtualmin has no map of the domains');
    map_domains();
    my ($id) = content("$etc/virtual-server/map.dom") =~ /^example\.com=(\d+)$/m;
    is_deeply($links->('/domains/example.com'), [ [ "/virtual-server/list_users.cgi?dom=$id", 'users' ], [ $index, 'domains' ] ], 'of the mailboxes');
    is_deeply($links->('/domains/example.com/mailboxes/bob.example'), [ [ "$index/domains/example.com", 'mailboxes' ], [ $index, 'domains' ] ], 'of a mailbox');
    unlike((request('/domains/%22%3E%3Cb%3E'))[1], qr{<b>}, 'hostile text stays text');
    unlink(glob("$etc/virtual-server/map.*"));
};

subtest 'the address of the module only' => sub {
    errors();
    for my $path ('', '?', '?xnavigation=1', '/') { like((request($path))[0], qr{^HTTP/1\.0 200 }, "'$path' is the list of domains") }
    is(errors(), '', 'no errors in the log');
};

subtest 'HEAD' => sub {
    for my $path ('/domains/example.com', '/domains/nosuch.example', '/domains/example.com/mailboxes.json') {
        my ($get)  = request($path);
        my ($head, $body) = request($path, 'method' => 'HEAD');
        my $known = sub { my ($text) = @_; return { map { lc } $text =~ /^(Content-Length|Content-Type|HTTP\/1\.0):?[ ]+([^\r\n]*)/gmi } };
        is_deeply($known->($head), $known->($get), "the headers are those of GET: $path");
        is($body, '', 'no body');
    }
};

subtest "in the viewer's language" => sub {
    configure('config', "lang=en\nlang_root=de.UTF-8\n");
    my (undef, $body) = request('/domains/example.com');
    configure('config', "lang=en\n");
    like($body, qr{Postf\xc3\xa4chern melden sich mit einem Namen an}, 'the page is in the language of the panel');
};

subtest 'behind a prefix' => sub {
    configure('config', "lang=en\nwebprefix=/panel\n");
    my (undef, $body) = request('/');
    my (undef, $sheet) = request('/domains/example.com/mailboxes/bob.example/sheet');
    configure('config', "lang=en\n");
    like($sheet, qr{href="/panel/help\.cgi/virtualmin-mail-setup/sheets"}, 'help has the prefix');
    like($body, qr{href="/panel/virtualmin-mail-setup/index\.cgi/domains/example\.com"}, 'links have the prefix');
};

subtest 'a document is passed on as it is' => sub {
    my ($head, $body) = request('/domains/example.com/mailboxes/bob.example/sheet');
    like($head, qr{^Content-Type: text/html; charset=utf-8\r?$}m, 'a sheet has its content type');
    like($body, qr{^<!DOCTYPE html>}, 'it is a whole document');
    like($head, qr{frame-ancestors 'self'}, 'only the panel may show it in a frame');
    like($body, qr{href="/virtualmin-mail-setup/assets/sheet\.css\?v=[\d.]+"}, 'its style sheet is that of the module');
    like($body, qr{href="/help\.cgi/virtualmin-mail-setup/sheets"}, 'its help is that of the module');
};

subtest 'a file is passed on byte for byte, with its name' => sub {
    my ($head, $body) = request('/domains/example.com/mailboxes/bob.example/sheet.pdf');
    like($head, qr{^Content-Type: application/pdf\r?$}m, 'its content type');
    like($head, qr{^Content-Disposition: attachment; filename="bob\@example\.com\.pdf"\r?$}m, 'its file name');
    like($body, qr{^%PDF-1\.7.*%%EOF\s*$}s, 'the file is complete');
    my ($json_head, $json) = request('/domains/example.com/mailboxes.json');
    is(decode_json($json)->{'domain'}, 'example.com', 'JSON is passed on as well');
};

subtest 'a login with special characters arrives as it was sent' => sub {
    my (undef, $body) = request('/domains/plain.example');
    my @paths = $body =~ m{href="/virtualmin-mail-setup/index\.cgi(/domains/plain\.example/mailboxes/[^"/]+)"}g;
    ok(scalar(@paths), 'there are such mailboxes');
    for my $path (@paths) {
        my ($head) = request("$path/settings.json");
        like($head, qr{^Content-Type: application/json}m, $path);
    }
};

subtest 'a form' => sub {
    my $body = 'selected=1&login=bob.example&login=zoe.example&token=' . token();
    my (undef, $csv) = request('/domains/example.com/mailboxes.csv', 'body' => $body);
    is(scalar(grep { /\@example\.com/ } split(/\r?\n/, $csv)), 2, 'it arrives completely');
    my ($head) = request('/domains/example.com', 'body' => 'token=' . token());
    like($head, qr{^HTTP/1\.[01] 303 }, 'a redirect keeps its status');
    like($head, qr{^Location: \./example\.com\r?$}m, 'its address leads through the panel');
};

subtest "the menu of Authentic, which loads a page with an empty POST" => sub {
    my ($head, $body) = request('/domains/example.com', 'body' => '', 'headers' => { 'X-Requested-With' => 'XMLHttpRequest' });
    like($head, qr{^HTTP/1\.0 200 }, 'it gets the page');
    like($body, qr{bob\.example}, 'the page is complete');
};

subtest 'other requests of Authentic' => sub {
    my %pjax = ('headers' => { 'X-PJAX' => 'true' });
    my ($head, $body) = request('/domains/nosuch.example?xnavigation=1&q=a&_pjax=%5Bdata-dcontainer%5D', %pjax);
    like($head, qr{^HTTP/1\.0 200 OK\r\n.*^Status: 404 }ms, 'an error page that it loads has status 200');
    like($body, qr{no such domain}i, 'the error page is complete');
    (undef, $body) = request('/domains/example.com?q=bob&xnavigation=1&_=123', %pjax);
    unlike($body, qr{xnavigation|_=123}, 'its parameters are not in any link');
    like($body, qr{value="bob"}, 'our parameters arrive');
    ($head) = request('/domains/example.com', %pjax, 'body' => 'token=' . token(), 'type' => 'text/plain;charset=UTF-8');
    like($head, qr{^HTTP/1\.[01] 303 }, 'its forms are accepted in spite of their content type');
    ($head) = request('/domains/example.com', 'body' => 'token=' . token(), 'type' => 'text/plain;charset=UTF-8');
    like($head, qr{^HTTP/1\.[01] 403 }, 'from other browsers such a form is refused');
};

subtest 'a logo' => sub {
    my $boundary = 'a-boundary';
    my $svg  = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 4 1"><rect width="4" height="1"/></svg>';
    my $body = join("\r\n", "--$boundary", 'Content-Disposition: form-data; name="token"', '', token(), "--$boundary",
        'Content-Disposition: form-data; name="version"', '', '', "--$boundary",
        'Content-Disposition: form-data; name="logo_file"; filename="x.svg"', 'Content-Type: image/svg+xml', '', $svg,
        "--$boundary--", '');
    my ($head) = request('/branding', 'body' => $body, 'type' => "multipart/form-data; boundary=$boundary");
    like($head, qr{^Location: /virtualmin-mail-setup/index\.cgi/branding\?saved=1\r?$}m, 'an upload arrives');
    ($head, $body) = request('/domains/example.com/logo');
    like($head, qr{^Content-Security-Policy: default-src 'none'; sandbox\r?$}m, 'the logo has its content security policy');
    like($body, qr{<rect}, 'the logo is served unchanged');
};

subtest 'mail that is not set up' => sub {
    my ($head, $body) = request('/domains/example.com/mailboxes/bob.example/send', 'body' => 'to=a@b.example&subject=x&token=' . token());
    like($head, qr{^HTTP/1\.[01] 404 }, 'the page does not exist');
    like($body, qr{mail_from}, 'it names the setting');
};

subtest 'which domains a user sees' => sub {
    my (undef, $body) = request('/', 'user' => 'example');
    like($body, qr{domains/example\.com"}, 'an owner sees their own domain');
    like($body, qr{domains/sub\.example\.com"}, 'an owner sees its sub-server');
    unlike($body, qr{example\.org}, 'an owner sees no other domain');
    my $token = token('user' => 'example');
    for my $path ('', '/mailboxes.json', '/sheets.pdf', '/mailboxes/ann/settings.txt', '/branding') {
        my ($head) = request("/domains/example.org$path", 'user' => 'example');
        like($head, qr{^HTTP/1\.[01] 404 }, "another user's domain: GET $path");
        ($head) = request("/domains/example.org$path", 'user' => 'example', 'body' => "token=$token");
        like($head, qr{^HTTP/1\.[01] 404 }, "another user's domain: POST $path");
    }
    my ($head) = request('/branding', 'user' => 'example');
    like($head, qr{^HTTP/1\.[01] 403 }, 'an owner may not change the branding of the server');
    (undef, $body) = request('/', 'user' => 'helper');
    like($body, qr{domains/sub\.example\.com"}, 'an extra admin sees the domains assigned to them');
    unlike($body, qr{domains/example\.com"}, 'an extra admin sees no other domain of the owner');
    (undef, $body) = request('/', 'user' => 'rita');
    is(scalar(() = $body =~ /<th scope="row"/g), 3, "a reseller sees their customers' domains");
    ($head) = request('/branding', 'user' => 'rita');
    like($head, qr{Location: /virtualmin-mail-setup/index\.cgi/branding/resellers/rita}, 'a reseller gets their own branding');
    add_user('example', 'virtual-server virtualmin-mail-setup', 'noconfig' => 1, 'domains' => '1 2');
    (undef, $body) = request('/', 'user' => 'example');
    unlike($body, qr{domains/example\.com}, 'a user who may not edit mailboxes sees no domain');
    add_domains();
};

subtest 'a user without Virtualmin' => sub {
    add_user('guest', 'virtualmin-mail-setup');
    my ($head, $body) = request('/', 'user' => 'guest');
    like($head, qr{^HTTP/1\.0 200 }, 'gets a page');
    unlike($body, qr{domains/example\.com}, 'sees no domain');
    ($head) = request('/domains/example.com', 'user' => 'guest');
    like($head, qr{^HTTP/1\.[01] 404 }, 'cannot open a domain');
    add_user('stranger', 'virtual-server');
    ($head, $body) = request('/domains/example.com', 'user' => 'stranger');
    like($head, qr{^HTTP/1\.0 403 Forbidden\r\n}, "a user without the module gets Webmin's refusal, with status 403");
    unlike($body, qr{bob}, 'the refusal has no content of ours');
};

subtest 'a browser cannot choose the viewer' => sub {
    my $forged = encode_base64(
        encode_json({ 'user' => 'root', 'role' => 'master-admin', 'domains' => '*', 'pages' => '/x', 'assets' => '/x' }), '');
    my ($head) = request('/domains/example.org', 'user' => 'example', 'headers' => { 'Mail-Setup-Viewer' => $forged });
    like($head, qr{^HTTP/1\.[01] 404 }, 'with a header, or inside another one');
    for my $end ("%20HTTP/1.0%0d%0aMail-Setup-Viewer:%20$forged", " HTTP/1.0 Mail-Setup-Viewer: $forged") {
        ($head) = request("/domains/example.org$end", 'user' => 'example');
        like($head, qr{^HTTP/1\.[01] 40[04] }, 'with the address');
    }
    my $raw = IO::Socket::UNIX->new('Peer' => $socket) or die $!;
    print {$raw} "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n";
    like(scalar(<$raw>), qr{^HTTP/1\.1 403 }, 'without a viewer the app refuses the request');
};

subtest 'the form token' => sub {
    my $token = token();
    is(token(), $token, 'it is the same during a login');
    my @others = map { token(%$_) } { 'user' => 'example' }, { 'login' => 'root again', 'user' => 'root' };
    is(scalar(grep { $_ ne $token && $_ ne 'none' } @others), 2, 'it differs for another user or login');
    my ($head, $body) = request('/domains/example.com/mailboxes.csv', 'body' => "selected=1&login=bob.example&token=$others[0]");
    like($head, qr{^HTTP/1\.[01] 403 }, 'another token is refused');
    unlike($body, qr{bob\@example}, 'the refusal has no data');
    is((stat("$folder/etc/virtualmin-mail-setup/form-secret"))[2] & 0777, 0600, 'only root can read the key');
};

subtest 'permissions that a master admin has taken from a user' => sub {
    configure('virtualmin-mail-setup/example.acl', "print=0\n");
    my ($head) = request('/domains/example.com/sheets.pdf', 'user' => 'example');
    like($head, qr{^HTTP/1\.[01] 403 }, 'a permission: sheets are refused');
    configure('virtualmin-mail-setup/example.acl', "see=0\n");
    ($head) = request('/', 'user' => 'example');
    like($head, qr{^HTTP/1\.[01] 403 }, 'the permission to see: every page is refused');
    unlink("$etc/virtualmin-mail-setup/example.acl");
};

subtest "the module's configuration" => sub {
    my $port = sub {
        my (undef, $json) = request("/domains/$_[0]/mailboxes/$_[1]/settings.json");
        return decode_json($json)->{'outgoing'}->[0]->{'port'};
    };
    is($port->('example.com', 'bob.example'), 587, "the defaults of the package");
    configure('virtualmin-mail-setup/config',
        "submission_port=2587\nby_domain=submission_port\@example.org=3587\tsheet_paper\@example.org=letter\nsocket=$socket\n");
    is($port->('example.com', 'bob.example'), 2587, "a change applies to the next request");
    my (undef, $json) = request('/domains/example.org/mailboxes.json');
    my $login = decode_json($json)->{'mailboxes'}->[0]->{'login'};
    is($port->('example.org', $login), 3587, 'the setting for one domain');
    configure('virtualmin-mail-setup/config', "imap_port=none\nsocket=$socket\n");
    my ($head, $body) = request('/domains/example.com');
    like($body, qr{Module Config: imap_port must be a port}, 'an error in the configuration is named');
    unlike($body, qr{bob\@example}, 'the page has no data');
    configure('virtualmin-mail-setup/config', "socket=$socket\n");
    is($port->('example.com', 'bob.example'), 587, 'after the correction everything works');
};

subtest 'steps of the set-up that failed' => sub {
    configure('virtualmin-mail-setup/setup-report', "The account <x> could not be made\n");
    my (undef, $body) = request('/');
    like($body, qr{set-up of this module is not complete.*<li>The account &lt;x&gt; could not be made</li>.*repair-mail-setup}s,
        'a master admin sees the errors');
    (undef, $body) = request('/', 'user' => 'example');
    unlike($body, qr{repair-mail-setup}, 'other users do not see them');
    my (undef, $sheet) = request('/domains/example.com/sheets');
    unlike($sheet, qr{repair-mail-setup}, 'sheets do not have them');
    configure('virtualmin-mail-setup/setup-report', '');
    (undef, $body) = request('/');
    unlike($body, qr{repair-mail-setup}, 'they disappear after a repair');
};

subtest 'among 2,000 domains' => sub {
    add_domain(1000 + $_, "customer-number-$_.some-long-name.example", 'reseller' => 'big') for 1 .. 2000;
    add_user('big', 'virtual-server virtualmin-mail-setup', 'noconfig' => 1, 'reseller' => 1);
    add_domain(3, 'example.org', 'user' => 'exorg', 'reseller' => 'big');
    add_domain(2, 'sub.example.com', 'parent' => 3, 'user' => 'exorg', 'webmin' => 0);
    my (undef, $without) = request('/', 'user' => 'big');
    map_domains();
    my (undef, $body) = request('/', 'user' => 'big');
    like($body, qr{domains/example\.org"}, 'the page has a domain of the reseller');
    like($body, qr{domains/sub\.example\.com"}, 'and their sub-servers');
    unlike($body, qr{domains/example\.com"}, "not a domain of another reseller");
    is($without =~ s/\d\d:\d\d.*//r, $body =~ s/\d\d:\d\d.*//r, 'the page is the same with and without the map files');
    unlink(glob("$etc/virtual-server/map.*"));
    unlink(map { "$etc/virtual-server/domains/" . (1000 + $_) } 1 .. 2000);
    add_domains();
};

# actions() Returns the entries of the log of actions that are new since the last call.
sub actions {
    open(my $file, '<', "$etc/actions") or return ();
    my @lines = <$file>;
    unlink("$etc/actions");
    return map { decode_json($_) } @lines;
}

subtest "the panel's log of actions" => sub {
    actions();
    request('/domains/example.com/mailboxes/bob.example/profile.mobileconfig');
    request('/domains/example.com/sheets', 'body' => 'selected=1&login=bob.example&login=zoe.example&token=' . token());
    request('/domains/example.com/sheets.zip?login=bob.example');
    request('/domains/example.com');
    request('/domains/example.com/mailboxes/off.example/sheet.pdf');
    is_deeply([ actions() ], [
        [ 'file', 'mail', 'example.com',
            { 'domain' => 'example.com', 'login' => 'bob.example', 'file' => 'profile.mobileconfig' } ],
        [ 'sheets', 'mail', 'example.com', { 'domain' => 'example.com', 'count' => '2' } ],
        [ 'pdf', 'mail', 'example.com',
            { 'domain' => 'example.com', 'count' => '1', 'file' => 'example.com-sheets.zip' } ],
    ], 'files and sheets are logged; pages and failed requests are not');
};

subtest 'without Node.js, or with too old a one' => sub {
    configure('virtualmin-mail-setup/config', "socket=$folder/nowhere.sock\n");
    for my $case ([ '', qr/needs Node\.js, which is not installed/ ], [ 'v16.20.1', qr/too old: the service needs 18\.19/ ],
        [ 'v18.13.0', qr/too old/ ], [ 'v18.19.0', qr/not running.*SOCKET_PATH=|not running.*virtualmin repair-mail-setup/s ]) {
        my ($version, $words) = @$case;
        my $bin = "$folder/bin$version";
        mkdir($bin);
        symlink($_, "$bin/" . (split(m{/}, $_))[-1]) for '/usr/bin/perl', '/bin/sh';
        if ($version ne '') {
            put("$bin/node", "#!/bin/sh\necho $version\n");
            chmod(0755, "$bin/node");
        }
        $panel->environment('PATH' => $bin);
        my ($head, $body) = request('/');
        like($head, qr{^HTTP/1\.0 503 Service Unavailable\r\n}, 'status 503');
        like($body, $words, $version || 'none');
        like($body, qr/apt-get install nodejs|dnf install nodejs/, 'with the command') if $version lt 'v18.19';
    }
    $panel->environment('PATH' => undef);
};

subtest 'the app is not running' => sub {
    errors();
    my ($head, $body) = request('/');
    like($head, qr{^HTTP/1\.0 503 Service Unavailable\r\n}, 'status 503');
    like($body, qr{<panel title="Mail Client Setup">}, 'the error is a page of the panel');
    like($body, qr{virtualmin repair-mail-setup|SOCKET_PATH=}, 'it has a command that helps');
    like($body, qr{<help page="error">}, 'it has a help page');
    like(errors(), qr{nowhere\.sock: No such file}, 'the log has the reason');
    ($head, $body) = request('/domains.json');
    like($head, qr{^HTTP/1\.0 503 .*^Content-Type: application/json}ms, 'JSON requests get JSON');
    is_deeply(decode_json($body)->{'error'}, { 'code' => 'bridge-not-running', 'message' => 'The service that makes these pages is not running.' }, 'with the code and message');
};

# with_app(answer, work) Calls a function while a stand-in for the app answers every request with a text, or with a function
# that gets the connection and the head of the request.
sub with_app {
    my ($answer, $work) = @_;
    my $path = "$folder/played.sock";
    my $server = IO::Socket::UNIX->new('Local' => $path, 'Listen' => 5) or die $!;
    configure('virtualmin-mail-setup/config', "socket=$path\n");
    my $pid = fork() // die $!;
    if (!$pid) {
        $SIG{'PIPE'} = 'IGNORE';
        while (my $client = $server->accept()) {
            my $head = '';
            while (defined(my $line = <$client>)) { $head .= $line; last if $line eq "\r\n" }
            if (ref($answer)) { $answer->($client, $head) }
            else { print {$client} $answer }
            close($client);
        }
        POSIX::_exit(0);
    }
    $work->();
    kill('KILL', $pid);
    waitpid($pid, 0);
    unlink($path);
}

# over_tls(work) Calls a function while the panel uses TLS.
sub over_tls {
    my ($work) = @_;
    if (!-e "$folder/panel.pem") {
        system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=panel -days 1 -keyout $folder/key -out $folder/cert 2>/dev/null && cat $folder/key $folder/cert >$folder/panel.pem") == 0 or die;
    }
    $panel->configure('ssl' => 1, 'keyfile' => "$folder/panel.pem");
    $work->();
    $panel->configure('ssl' => 0);
}

subtest 'text that is not ASCII reaches the app as UTF-8' => sub {
    # M\xfcller is Latin-1, and not valid UTF-8.
    my ($utf8, $latin1) = ("M\xc3\xbcller \xe2\x80\x93 Caf\xc3\xa9", "M\xfcller \\ \xe9");
    my $user = "j\xc3\xb6rg";
    add_user($user, 'virtual-server virtualmin-mail-setup');
    my $headers = sub {
        my ($client, $head) = @_;
        my %sent = map { $_ => decode_base64($head =~ /^Mail-Setup-$_: (\S+)\r$/m ? $1 : '') } qw(Panel Viewer);
        my $body = join("\n", @sent{qw(Panel Viewer)});
        print {$client} "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: " . length($body) . "\r\n\r\n$body";
    };
    with_app($headers, sub {
        configure('virtualmin-mail-setup/config', "socket=$folder/played.sock\nhost_name=$utf8\nsupport_contact=$latin1\n");
        my (undef, $body) = request('/x.txt', 'user' => $user);
        my ($facts, $viewer) = map { JSON::PP->new->decode(decode('UTF-8', $_)) } split(/\n/, $body);
        like($facts->{'settings'}, qr/^host_name=M\x{fc}ller \x{2013} Caf\x{e9}$/m, 'a setting');
        like($facts->{'settings'}, qr/^support_contact=M\x{fffd}ller \\ \x{fffd}$/m, 'a setting in Latin-1 is valid JSON');
        is($viewer->{'user'}, "j\x{f6}rg", 'the user');
    });
    configure('virtualmin-mail-setup/config', "socket=$socket\nhost_name=$utf8\nsupport_contact=$latin1\n");
    my ($head, $sheet) = request('/domains/example.com/mailboxes/bob.example/sheet');
    like($head, qr{^HTTP/1\.[01] 200 }, 'a sheet with both is made');
    like($sheet, qr/\Q$utf8\E/, 'it has the name');
    like($sheet, qr/M\xef\xbf\xbdller/, 'it has replacement characters for Latin-1');
    like((request('/domains/example.com'))[1], qr{bob\.example}, 'the page of the domain has its content');
    my $mixed = decode_base64(header_value({ 'text' => [ "\xc3\xbc", "\x{fc}\x{2013}", undef ] }));
    is($mixed, "{\"text\":[\"\xc3\xbc\",\"\xc3\xbc\xe2\x80\x93\",null]}", 'text that Webmin has decoded is encoded, once');
};

subtest 'a JSON error in a language that is not ASCII' => sub {
    configure('virtualmin-mail-setup/config', "socket=$folder/nowhere.sock\n");
    my %messages = ('de' => "Der Dienst, der diese Seiten erzeugt, l\x{e4}uft nicht.",
        'fr' => "Le service qui produit ces pages n\x{2019}est pas d\x{e9}marr\x{e9}.");
    my $check = sub {
        my ($over) = @_;
        for my $language (sort keys %messages) {
            configure('config', "lang=$language.UTF-8\n");
            my (undef, $body) = request('/domains.json');
            is(decode_json($body)->{'error'}->{'message'}, $messages{$language}, "$language, $over");
        }
    };
    $check->('over TCP');
    over_tls(sub { $check->('over TLS') });
    configure('config', "lang=en\n");
};

# in_chunks(pieces) Returns a chunked answer with a file, without its last chunk.
sub in_chunks {
    return "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nTransfer-Encoding: chunked\r\n\r\n"
        . join('', map { sprintf("%x\r\n", length($_)) . "$_\r\n" } @_);
}

my @pieces = map { pack('N*', map { $_ * 7 } 1 .. 5000 * $_) } 1 .. 9;
my $file   = join('', @pieces);

subtest 'a large file' => sub {
    for my $case (
        [ 'whose length is known', "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: " . length($file) . "\r\n\r\n$file" ],
        [ 'whose length is not known', in_chunks(@pieces) . "0\r\n\r\n" ],
    ) {
        my ($what, $answer) = @$case;
        with_app($answer, sub {
            for my $version ('1.0', '1.1') {
                my ($head, $body, $whole) = request('/x.zip', 'version' => $version);
                ok($body eq $file, "a file $what arrives completely over HTTP/$version");
                is($whole->complete, 1, 'the browser can tell that it is complete');
                unlike($head, qr{chunked}i, 'no chunks in HTTP/1.0') if $version eq '1.0';
            }
        });
    }
};

subtest 'a file that breaks off' => sub {
    my $half = length($file) / 2;
    for my $case (
        [ 'whose length is known', "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nContent-Length: " . length($file) . "\r\n\r\n" . substr($file, 0, $half) ],
        [ 'between chunks', in_chunks(@pieces) ],
        [ 'within a chunk', in_chunks(@pieces) . "ffff\r\nxxx" ],
        [ 'without a length or chunks', "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\n\r\n$file" ],
    ) {
        my ($what, $answer) = @$case;
        with_app($answer, sub {
            for my $version ('1.0', '1.1') {
                my ($head, $body, $whole) = request('/x.zip', 'version' => $version);
                if ($head =~ m{^HTTP/1\.[01] 200 }) { is($whole->complete, 0, "$what: the browser notices, over HTTP/$version") }
                else { like($head, qr{^HTTP/1\.0 502 Bad Gateway\r\n}, "$what is an error, over HTTP/$version") }
                unlike($body, qr{<panel}, 'no text of the panel is in it') if $head =~ m{^HTTP/1\.[01] 200 };
            }
        });
    }
};

subtest 'a page that breaks off' => sub {
    with_app("HTTP/1.1 200 OK\r\nMail-Setup-Title: Some\r\nContent-Length: 100\r\n\r\n<ul><li>one mailbox", sub {
        my ($head, $body) = request('/');
        like($head, qr{^HTTP/1\.0 502 Bad Gateway\r\n}, 'status 502');
        like($body, qr{stopped in the middle of its answer}, 'the page says what happened');
        unlike($body, qr{one mailbox}, 'no part of the page is shown');
    });
    with_app('', sub { like((request('/'))[0], qr{^HTTP/1\.0 502 }, 'as is no answer at all') });
    with_app("HTTP/1.1 200 OK\r\nMail-Set", sub { like((request('/'))[0], qr{^HTTP/1\.0 502 }, 'or half a head') });
};

subtest 'a help page that the module does not have' => sub {
    for my $name ('nosuch', '../help/intro', 'intro.de', 'INTRO', '"><b>', '') {
        with_app("HTTP/1.1 200 OK\r\nMail-Setup-Title: Some\r\nMail-Setup-Help: $name\r\nContent-Length: 5\r\n\r\nwords", sub {
            my (undef, $body) = request('/');
            like($body, qr{^<panel title="Some">\nwords}, "the page has no link to help: '$name'");
        });
    }
    with_app("HTTP/1.1 200 OK\r\nMail-Setup-Title: Some\r\nMail-Setup-Help: intro\r\nContent-Length: 5\r\n\r\nwords", sub {
        like((request('/'))[1], qr{<help page="intro">}, 'it has one to a help page of the module');
    });
};

subtest 'the status of an answer' => sub {
    for my $status ('304 Not Modified', '303 See Other', '409 Conflict', '413 Payload Too Large', '429 Too Many Requests', '502 Bad Gateway') {
        my $body = $status =~ /^304/ ? '' : 'words';
        with_app("HTTP/1.1 $status\r\nContent-Type: text/plain\r\nLocation: /elsewhere\r\nRetry-After: 7\r\nContent-Length: " . length($body) . "\r\n\r\n$body", sub {
            my ($head, $got) = request('/x.txt');
            like($head, qr{^HTTP/1\.0 \Q$status\E\r\n.*^Retry-After: 7\r?$}ms, "of a file: $status");
            is($got, $body, 'it has its body');
        });
        with_app("HTTP/1.1 $status\r\nMail-Setup-Title: Some\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nwords", sub {
            my ($head, $got) = request('/');
            like($head, qr{^HTTP/1\.0 \Q$status\E\r\n.*^Retry-After: 7\r?$}ms, "of a page: $status");
            like($panel->request_log(), qr{" \Q${\ ($status =~ /(\d+)/)[0]}\E \d+\n$}, "the panel's log has it: $status");
        }) if $status !~ /^30/;
    }
};

subtest 'a browser that leaves' => sub {
    errors();
    my $left = "$folder/left";
    # Sends some data at once, then a little at intervals, until the connection is closed.
    my $endless = sub {
        my ($client) = @_;
        print {$client} "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nTransfer-Encoding: chunked\r\n\r\n";
        my $piece = 'x' x 65536;
        my $sent = 0;
        while ($sent < 100) {
            print {$client} "10000\r\n$piece\r\n" or last;
            $client->flush() or last;
            sleep(0.1) if ++$sent > 8;
        }
        put($left, $sent < 100 ? 'early' : 'late');
    };
    my $once = sub {
        my ($client) = @_;
        print {$client} "HTTP/1.1 200 OK\r\nContent-Type: application/zip\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n0123456789abcdef\r\n";
        $client->flush();
        # No more data arrives: the bridge has to check the connection by itself.
        put($left, 'early') if !sysread($client, my $byte, 1);
    };
    for my $case ([ 'while it is being sent to', $endless, 200_000, '1.1' ], [ 'while nothing comes', $once, 100, '1.1' ],
        [ 'before anything is sent', $endless, undef, '1.0' ]) {
        my ($what, $app, $bytes, $version) = @$case;
        my $check = sub {
            my ($over) = @_;
            unlink($left);
            with_app($app, sub {
                request('/x.zip', 'leave_after' => $bytes, 'timeout' => 0.3, 'version' => $version);
                for (1 .. 150) { last if content($left) ne ''; sleep(0.1) }
                is(content($left), 'early', "ends the work of the app, $what, $over");
            });
        };
        $check->('over TCP');
        over_tls(sub { $check->('over TLS') });
    }
    unlike(errors(), qr/virtualmin-mail-setup:/, 'no errors in the log');
};

subtest 'a form that is too large' => sub {
    configure('virtualmin-mail-setup/config', "socket=$socket\n");
    my ($head, $body) = request('/domains/example.com', 'body' => 'x=' . ('y' x (6 * 1024 * 1024)));
    like($head, qr{^HTTP/1\.0 413 Content Too Large\r\n}, 'status 413');
    like($body, qr{larger than the 5 MB}, 'the form was read to its end, so the browser shows the reason');
};

subtest 'a CGI in its own process (forkcgis=1)' => sub {
    my $copy = "$folder/copy";
    system("cp -rL $folder/root/virtualmin-mail-setup $copy") == 0 or die;
    rename("$folder/root/virtualmin-mail-setup", "$folder/linked");
    symlink($copy, "$folder/root/virtualmin-mail-setup");
    $panel->configure('forkcgis' => 1);
    errors();
    my ($head, $body) = request('/domains/example.com');
    like($body, qr{bob\.example.*</panel>}s, 'a page is complete');
    ($head, $body, my $answer) = request('/domains/example.com/mailboxes/bob.example/sheet.pdf');
    like($body, qr{^%PDF-1\.7.*%%EOF\s*$}s, 'a file is complete');
    is($answer->complete, 1, 'the file has its length');
    ($head) = request('/domains/nosuch.example');
    like($head, qr{^HTTP/1\.0 200 .*^Status: 404}ms, 'a status is only a header');
    is(errors(), '', 'no errors in the log');
};

done_testing();
