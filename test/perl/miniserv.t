#!/usr/bin/perl
# The stand-in of MiniServ behaves as the real one does. Each test writes a small CGI.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use Test::More;
use Time::HiRes qw(sleep);
use lib "$FindBin::Bin/lib";
use MiniServ;

my $module = tempdir('CLEANUP' => 1);

sub put { my ($path, $text) = @_; open(my $file, '>:raw', $path) or die "$path: $!"; print {$file} $text; close($file) }

# cgi(name, code) Writes a CGI of the module.
sub cgi { my ($name, $code) = @_; put("$module/$name", "#!/usr/bin/perl\n$code"); chmod(0755, "$module/$name") }

my $panel = MiniServ->start('modules' => { 'our-module' => $module }, 'users' => { 'root' => 'secret', 'near' => { 'password' => 'n', 'allow' => '127.0.0.1' }, 'owner' => 'o' },
    'acl' => { 'root' => [ 'virtual-server', 'our-module' ], 'near' => ['virtual-server'], 'owner' => ['our-module'] });

# request(name, options) Requests a file of the module.
sub request { my ($name, %given) = @_; return $panel->request($given{'method'} // (defined($given{'body'}) ? 'POST' : 'GET'), "/our-module/$name", %given) }

my $html = 'print "Content-type: text/html\n\n";';

# result(code, options) Returns the output of a CGI with this code, which prints its headers first.
sub result { my ($code, %given) = @_; cgi('code.cgi', "$html $code"); return request('code.cgi', %given)->body }

subtest 'a CGI runs inside the server, in a package named after its module' => sub {
    is(result('print __PACKAGE__'), 'our_module', 'the package has the name with underscores');
    is(result('print $miniserv::reqline', 'version' => '1.1'), 'GET /our-module/code.cgi HTTP/1.1', 'it can read the request line');
    cgi('other.cgi', '');
    put("$module/part.pl", 'sub from_part { return __PACKAGE__ } 1;');
    is(result('require "./part.pl"; print from_part()'), 'our_module', 'a file that it requires is in that package, from its folder');
    is(result('our $seen; print $seen++ ? "again" : "new"'), 'new', 'each request has its own process');
    is(result('our $seen; print $seen++ ? "again" : "new"'), 'new', 'also the second request');
};

subtest 'the tied handles' => sub {
    for my $case (
        [ 'binmode(STDOUT)', qr/Can't locate object method "BINMODE"/ ],
        [ 'binmode(STDIN)',  qr/Can't locate object method "BINMODE"/ ],
        [ 'seek(STDIN, 0, 0)', qr/Can't locate object method "SEEK"/ ],
        [ 'tell(STDOUT)',    qr/Can't locate object method "TELL"/ ],
    ) {
        like(result("eval { $case->[0]; 1 } ? print('well') : print(\$\@)"), $case->[1], $case->[0]);
    }
    is(result('print "a", "b" or print "c"; print "d"'), 'abcd', 'print returns nothing');
    is(result('printf("%s-%s", 1, 2) or print "c"'), '1-2c', 'nor does printf');
    is(result('print defined(syswrite(STDOUT, "abcdef", 2, 3)) ? "c" : "-"'), 'de-', 'nor does syswrite');
    is(result('{ local ($,, $\) = (":", "!"); print "a", "b" }'), 'a:b!', 'print uses the separators');
    is(result('close(STDOUT); print "after"'), 'after', 'close does nothing');
    is(result('open(STDOUT, ">", "/dev/null"); print "after"'), 'after', 'nor does open');
    is(result('open(my $raw, ">&=", fileno(STDOUT)) or die $!; syswrite($raw, "raw")'), 'raw', 'fileno is the connection');
    is(result('print eof(STDIN) ? "over" : "", scalar(<STDIN>)', 'body' => "one\n"), "overone\n", 'eof is true from the start');
    is(result('print chr(0x20ac)'), "\xe2\x82\xac", 'characters beyond Latin 1 become UTF-8');
    is(result('print chr(0xfc)'), "\xfc", 'other characters do not');
};

subtest 'reading a form' => sub {
    is(result('read(STDIN, my $b, $ENV{CONTENT_LENGTH}); print $b', 'body' => 'a=1&b=2'), 'a=1&b=2', 'completely');
    is(result('my $b = "0123456789"; my $n = read(STDIN, $b, 3); print "$n $b"', 'body' => 'abc'), '3 abc3456789', 'a longer buffer keeps its end');
    is(result('my $b = "0123456789"; my $n = read(STDIN, $b, 2, 4); print "$n $b"', 'body' => 'abc'), '2 0123ab6789', 'read with an offset');
    is(result('my $b; print eval { read(STDIN, $b, 2, 4); 1 } ? "well" : $@ =~ /(outside of string)/', 'body' => 'abc'), 'outside of string', 'an offset beyond the end dies');
    is(result('print join("|", scalar(<STDIN>), scalar(<STDIN>))', 'body' => "one\ntwo\n"), "one\n|two\n", 'line by line');
    is(result('my @l = <STDIN>; print scalar(@l)', 'body' => "one\ntwo\n"), '1', 'one line in list context');
    is(result('my $c = getc(STDIN); print defined($c) ? "some" : "none", scalar(<STDIN>)', 'body' => "one\n"), "nonene\n", 'getc removes a character and returns none');
    my $long = 'x=' . ('y' x 50000);
    is(result('my $n = read(STDIN, my $b, $ENV{CONTENT_LENGTH}); print $n', 'body' => $long), '10000', 'a long form arrives in pieces: 10,000 bytes first');
    is(result('my $b = ""; while (length($b) < $ENV{CONTENT_LENGTH}) { read(STDIN, $b, $ENV{CONTENT_LENGTH} - length($b), length($b)) } print $b', 'body' => $long), $long, 'the pieces are the whole form');
    my $type = { 'Content-Type' => 'multipart/form-data; boundary=x' };
    is(result('my $b = ""; while (length($b) < $ENV{CONTENT_LENGTH}) { read(STDIN, $b, 60000, length($b)) } print $b', 'body' => $long, 'headers' => $type), $long, 'also those of another content type');
    is(result('read(STDIN, my $b, 10); print "never"', 'timeout' => 0.5), '', 'a read after the end waits for the browser');
};

subtest 'headers' => sub {
    cgi('code.cgi', 'print "Status: 404 Not Found\r\nContent-type: text/plain\r\nX-One: 1\r\nX-One: 2\r\n\r\nbody"');
    my $answer = request('code.cgi', 'version' => '1.1');
    like($answer->raw, qr{^HTTP/1\.0 200 Document follows\r\n}, 'a Status header does not set the status');
    is($answer->header('Status'), '404 Not Found', 'it is sent as a header');
    is_deeply([ $answer->headers('X-One') ], [ 1, 2 ], 'each header is passed on');
    is($answer->header('Connection'), 'close', 'the connection is closed');
    is($answer->complete, undef, 'only the closed connection ends the body');
    cgi('code.cgi', 'print "Content-type: text/plain\nContent-Length: 9\n\nbody"');
    is(request('code.cgi')->complete, 0, 'except with a Content-Length of the CGI');
    cgi('code.cgi', 'print "Location: /else/where\nX-One: 1\n\nbody"');
    $answer = request('code.cgi');
    is_deeply([ $answer->status, $answer->reason, $answer->header('Location'), $answer->body ], [ 302, 'Moved Temporarily', '/else/where', 'body' ], 'a redirect');
    for my $case (
        [ 'none at all',         'my $x = 1',                              'Missing Headers' ],
        [ 'no Content-Type',     'print "X-One: 1\n\nbody"',               'Missing Content-Type Header' ],
        [ 'a line that is not a header', 'print "Content-type: a/b\nwhat\n\nbody"', 'Bad Header' ],
        [ 'no space behind the colon', 'print "Content-type:a/b\n\nbody"', 'Bad Header' ],
    ) {
        my ($name, $code, $words) = @$case;
        cgi('code.cgi', $code);
        $answer = request('code.cgi');
        is_deeply([ $answer->status, $answer->reason ], [ 500, $words ], $name);
    }
    cgi('code.cgi', 'print "Content-type: a/b\n", "X-One: 1"; exit');
    is(request('code.cgi')->raw, '', 'exit before the empty line: no answer');
    cgi('code.cgi', 'print "Content-type: a/b\n\nbody"; exit; print "more"');
    is(request('code.cgi')->body, 'body', 'exit after it: the output so far');
};

subtest 'a CGI that writes its own status line' => sub {
    my $own = 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nbody';
    cgi('code.cgi', "\$miniserv::nph_script = 1; print \"$own\"");
    my $answer = request('code.cgi');
    is($answer->raw, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nbody", 'by the variable: the output is sent unchanged');
    is($answer->complete, 1, 'the answer is complete');
    cgi('nph-code.cgi', "print \"$own\"");
    is(request('nph-code.cgi')->status, 404, 'by its name');
    cgi('code.cgi', '$miniserv::nph_script = 1; print "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nab\r\nc\r\n1\r\nd\r\n0\r\n\r\n"');
    $answer = request('code.cgi');
    is_deeply([ $answer->body, $answer->complete ], [ "ab\r\ncd", 1 ], 'a chunked body');
    cgi('code.cgi', '$miniserv::nph_script = 1; print "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n3\r\nfg"');
    $answer = request('code.cgi');
    is_deeply([ $answer->body, $answer->complete ], [ 'abcdefg', 0 ], 'a chunked body with a missing part');
    cgi('code.cgi', '$miniserv::ok_code = 404; $miniserv::ok_message = "Not Found"; print "Content-type: a/b\n\nbody"');
    is_deeply([ request('code.cgi')->status, request('code.cgi')->reason ], [ 404, 'Not Found' ], 'by two other variables: the server writes the status');
};

subtest 'a CGI that dies' => sub {
    cgi('code.cgi', 'die "of <this>\n"');
    my $answer = request('code.cgi');
    is_deeply([ $answer->status, $answer->reason ], [ 500, 'Perl execution failed' ], 'status 500');
    like($answer->body, qr/of <this>/, 'the answer has the reason');
    like($panel->errors, qr{/our-module/code\.cgi : Perl execution failed : of <this>}, 'the log has the reason');
    cgi('code.cgi', "$html print 'half a page'; die 'late'");
    like(request('code.cgi')->raw, qr{^HTTP/1\.0 200 .*half a pageHTTP/1\.0 500 Perl execution failed\r\n}s, 'in the middle of a page a second answer follows');
    cgi('code.cgi', 'sub {');
    is(request('code.cgi')->status, 500, 'code that does not compile: status 500');
};

subtest 'a browser that leaves' => sub {
    my $mark = "$module/mark";
    cgi('code.cgi', "$html for my \$i (1 .. 200) { print 'x' x 100_000 } open(my \$f, '>', '$mark')");
    is(length(request('code.cgi')->body), 20_000_000, 'a browser that stays gets everything');
    ok(unlink($mark), 'the CGI runs to its end');
    is(request('code.cgi', 'leave_after' => 1000)->ended, 'left', 'a browser that leaves');
    sleep(1);
    ok(!-e $mark, 'SIGPIPE ends the CGI');
    cgi('code.cgi', "\$SIG{'PIPE'} = 'IGNORE'; $html for my \$i (1 .. 200) { print 'x' x 100_000 } open(my \$f, '>', '$mark')");
    request('code.cgi', 'leave_after' => 1000);
    for (1 .. 100) { last if -e $mark; sleep(0.05) }
    ok(-e $mark, 'without SIGPIPE the CGI writes on without an error');
};

subtest 'the environment' => sub {
    cgi('code.cgi', "$html print map { \"\$_=\$ENV{\$_}\\n\" } sort keys %ENV");
    my $environment = sub { my ($path, %given) = @_; return { map { /^([^=]+)=(.*)$/ ? ($1, $2) : () } split(/\n/, request("code.cgi$path", %given)->body) } };
    local $ENV{'OF_THE_SERVER'} = 'yes';
    my $has = $environment->('/a//b%2Fc/%C3%BC+%25/?x=%41&y=', 'version' => '1.1', 'headers' => { 'X-Odd_Name' => 'v', 'Cookie' => 'a=b; sid=abc123' });
    my %expected = (
        'REQUEST_URI'     => '/our-module/code.cgi/a//b%2Fc/%C3%BC+%25/?x=%41&y=',
        'PATH_INFO'       => "/a/b/c/\xc3\xbc+%/",
        'QUERY_STRING'    => 'x=%41&y=',
        'SCRIPT_NAME'     => '/our-module/code.cgi',
        'SERVER_PROTOCOL' => 'HTTP/1.0',
        'REQUEST_METHOD'  => 'GET',
        'REMOTE_USER'     => 'root',
        'BASE_REMOTE_USER' => '',
        'REMOTE_ADDR'     => '127.0.0.1',
        'HTTPS'           => '',
        'HTTP_X_ODD_NAME' => 'v',
        'HTTP_COOKIE'     => 'a=b',
        'MINISERV_CONFIG' => $panel->folder . '/miniserv.conf',
        'WEBMIN_CONFIG'   => $panel->folder,
        'SERVER_PORT'     => $panel->port,
    );
    is_deeply({ map { $_ => $has->{$_} } keys %expected }, \%expected, 'the variables of the real one');
    is_deeply([ grep { exists($has->{$_}) } qw(HTTP_AUTHORIZATION OF_THE_SERVER CONTENT_LENGTH SESSION_ID) ], [], 'no passwords, and no variables of the server');
    is($environment->('?wait')->{'QUERY_STRING'}, '', 'a query without an equals sign is not QUERY_STRING');
    like(result('print "@ARGV"', 'method' => 'GET'), qr/^$/, 'no query, no arguments');
    cgi('code.cgi', "$html print qq(\@ARGV)");
    is(request('code.cgi?one+two%21')->body, 'one two!', 'it is the arguments');
    cgi('code.cgi', "$html print map { \"\$_=\$ENV{\$_}\\n\" } sort keys %ENV");
    is($environment->('', 'body' => 'a=b')->{'CONTENT_LENGTH'}, '3', 'the length of a form');
    $panel->environment('OF_THE_TEST' => 'yes');
    is($environment->('')->{'OF_THE_TEST'}, 'yes', 'variables that a test has set');
    $panel->environment('OF_THE_TEST' => undef);
    $panel->configure('strip_prefix' => '/panel');
    my $answer = $panel->request('GET', '/panel/our-module/code.cgi/x');
    like($answer->body, qr{^REQUEST_URI=/panel/our-module/code\.cgi/x$}m, 'REQUEST_URI has the prefix');
    like($answer->body, qr{^SCRIPT_NAME=/our-module/code\.cgi$}m, 'SCRIPT_NAME does not');
};

subtest 'files' => sub {
    put("$module/large.js", join('', map { chr($_ % 256) } 1 .. 100_000));
    my $answer = request('large.js');
    is_deeply([ $answer->status, $answer->header('Content-type'), $answer->header('Content-length'), $answer->complete ], [ 200, 'application/javascript', 100_000, 1 ], 'a file is sent with its length');
    is($answer->body, join('', map { chr($_ % 256) } 1 .. 100_000), 'completely');
    is(request('nowhere')->status, 404, 'a file that does not exist');
    is(request('code.pl')->status, 404, 'a program that does not exist');
    put("$module/part.pl", '1;');
    is(request('part.pl')->status, 403, 'a program is not shown');
    is($panel->request('GET', '/our-module')->header('Location'), $panel->url . '/our-module/', 'a folder redirects to its address with a slash');
    cgi('index.cgi', "$html print 'index ', \$ENV{SCRIPT_NAME}");
    is($panel->request('GET', '/our-module/')->body, 'index /our-module/', 'a folder shows its index.cgi');
    is($panel->request('GET', '/our-module/../../etc/passwd')->status, 400, 'nothing outside the root');
    is($panel->request('GET', '/our-module/..%2f..%2fetc/passwd')->status, 400, 'not with encoded slashes either');
    my $socket = IO::Socket::INET->new('PeerAddr' => '127.0.0.1', 'PeerPort' => $panel->port) or die $!;
    for my $connection (qw(keep-alive close)) {
        put("$module/small.js", $connection);
        MiniServ::send_all($socket, $panel->request_text('GET', '/our-module/small.js', 'headers' => { 'Connection' => $connection }));
        my $text = '';
        sysread($socket, $text, 1000, length($text)) || last until $text =~ /\r\n\r\n$connection$/;
        like($text, qr{^HTTP/1\.0 200 .*\r\nConnection: $connection\r\n\r\n$connection$}si, "a connection: $connection");
    }
    my $both = join('', map { $panel->request_text('GET', '/our-module/small.js', 'headers' => { 'Connection' => $_ }) } 'keep-alive', 'close');
    my $answer_to_both = $panel->request(undef, undef, 'raw' => $both, 'timeout' => 0.5);
    is(scalar(() = $answer_to_both->raw =~ m{HTTP/1\.0 200}g), 1, 'two requests sent together get one answer');
    is($panel->request(undef, undef, 'raw' => "nonsense\r\n\r\n")->status, 400, 'not a request');
    is(request('code.cgi', 'method' => 'TRACE')->status, 405, 'a method that is not supported');
    put("$module/icon.gif", 'GIF');
    is(request('icon.gif', 'user' => undef)->body, 'GIF', 'pictures need no login');
};

subtest 'logins' => sub {
    my $answer = request('code.cgi', 'user' => undef);
    is_deeply([ $answer->status, $answer->header('WWW-authenticate') ], [ 401, 'Basic realm="Webmin Server"' ], 'no login');
    is(request('code.cgi', 'password' => 'wrong')->status, 401, 'a wrong password');
    is(request('code.cgi', 'user' => 'near')->status, 200, 'a user limited to an address, from there');
    is(request('code.cgi', 'user' => 'near', 'from' => '127.0.0.2')->status, 403, 'and from another address');
    $panel->set_user('late', 'l');
    is(request('code.cgi', 'user' => 'late')->status, 401, 'a new user before a reload');
    $panel->reload();
    is(request('code.cgi', 'user' => 'late')->status, 200, 'a new user after a reload');
};

subtest 'too many wrong passwords' => sub {
    $panel->configure('blockhost_time' => 2);
    my $try = sub { return request('code.cgi', 'from' => '127.0.0.9', @_)->status };
    is_deeply([ map { $try->('password' => 'wrong') } 1 .. 4 ], [ 401, 401, 401, 401 ], 'four wrong passwords');
    is($try->(), 200, 'the right one is accepted, and resets the count');
    is_deeply([ map { $try->('password' => 'wrong') } 1 .. 5 ], [ 401, 401, 401, 401, 403 ], 'the fifth wrong one blocks the address');
    is($try->(), 403, 'then the right one is refused too');
    is(request('large.js', 'from' => '127.0.0.9', 'user' => undef)->status, 403, 'and every other request from there');
    is(request('code.cgi')->status, 200, 'other addresses are not blocked');
    for (1 .. 50) { last if $try->() == 200; sleep(0.1) }
    is($try->(), 200, 'the block ends');
};

subtest 'sessions' => sub {
    $panel->configure('session' => 1, 'sessiononly' => '/our-module/other.cgi');
    my $answer = request('code.cgi');
    is_deeply([ $answer->status, $answer->body =~ /Login to Webmin/ ? 1 : 0 ], [ 200, 1 ], 'a password is not accepted, and the login page has status 200');
    my $id = $panel->session('owner');
    cgi('code.cgi', "$html print \"\$ENV{REMOTE_USER} \$ENV{SESSION_ID}\"");
    is(request('code.cgi', 'user' => undef, 'headers' => { 'Cookie' => "x=y; sid=$id" })->body, "owner $id", 'a session is accepted');
    cgi('other.cgi', "$html print 'other'");
    is(request('other.cgi')->body, 'other', 'a few paths accept passwords');
    is(request('other.cgi', 'user' => undef, 'headers' => { 'Cookie' => "sid=$id" })->status, 401, 'and no sessions');
    $panel->configure('session' => undef);
};

subtest 'a CGI in its own process (forkcgis=1)' => sub {
    $panel->configure('forkcgis' => 1);
    cgi('code.cgi', 'use strict; read(STDIN, my $b, $ENV{CONTENT_LENGTH}); binmode(STDOUT); print "Status: 404 Not Found\nContent-type: text/plain\n\n" . __PACKAGE__ . " $b" or print "never"; print eof(STDIN) ? " end" : ""');
    my $long = 'x=' . ('y' x 50000);
    my $answer = request('code.cgi', 'body' => $long);
    is($answer->body, "main $long end", 'it has ordinary handles');
    is_deeply([ $answer->status, $answer->header('Status') ], [ 200, '404 Not Found' ], 'a Status header does not set the status there either');
    cgi('code.cgi', 'print "Location: /x\n\nbody"');
    is_deeply([ map { ($_->status, $_->body) } request('code.cgi') ], [ 302, '' ], 'only the headers of a redirect are read');
    cgi('code.cgi', 'print STDERR "why"; print "what\n"');
    like(request('code.cgi')->raw, qr{^HTTP/1\.0 500 Bad Header\r\n.*why}s, 'invalid headers: the error page has STDERR');
    cgi('code.cgi', 'print "X-One: 1\n\n"');
    is(request('code.cgi')->reason, 'Missing Content-Type Header', 'no Content-Type');
    cgi('code.cgi', 'die "of this"');
    is(request('code.cgi')->reason, 'Missing Content-Type Header', 'no headers');
    cgi('nph-code.cgi', 'print "HTTP/1.1 404 Not Found\r\n\r\n"');
    is(request('nph-code.cgi')->status, 404, 'by its name it writes its own status line');
    cgi('code.cgi', '$miniserv::nph_script = 1; print "HTTP/1.1 404 Not Found\r\n\r\n"');
    is(request('code.cgi')->status, 500, 'the variable does not do that');
    $panel->configure('forkcgis' => undef);
    put("$module/code.cgi", "#!/usr/bin/perl -w\nprint \"Content-type: a/b\\n\\n\" . __PACKAGE__");
    is(request('code.cgi')->body, 'main', 'a first line with options for Perl has the same effect');
};

subtest 'the remote API' => sub {
    my $recordings = "$FindBin::Bin/../../src/demo/recordings";
    my $api = sub { my ($query, %given) = @_; return $panel->request('GET', "/virtual-server/remote.cgi?$query", %given) };
    my $recorded = sub { open(my $file, '<:raw', "$recordings/$_[0]") or die "$_[0]: $!"; local $/; return <$file> };
    for my $case (
        [ 'program=list-domains&multiline=&json=1',                                     'list-domains.json', 'application/json' ],
        [ 'program=list-domains&multiline=&xml=1',                                      'list-domains.xml', 'application/xml' ],
        [ 'program=list-users&domain=example.com&multiline=&include-owner=&json=1',     'list-users.example.com.json', 'application/json' ],
        [ 'program=list-users&domain=xn--mnchen-3ya.example&multiline=&include-owner=&xml=1', 'list-users.xn--mnchen-3ya.example.xml', 'application/xml' ],
        [ 'program=list-users&domain=example.com&multiline=&include-owner=',            'list-users.example.com.txt', 'text/plain' ],
        [ 'program=list-users&domain=example.com&json=1',                               'list-users.example.com.without-multiline.json', 'application/json' ],
        [ 'program=list-users&domain=example.com&multiline=&json=1',                    'list-users.example.com.no-owner.json', 'application/json' ],
        [ 'program=list-users&domain=nosuch.example&multiline=&json=1',                 'error.no-such-domain.json', 'application/json' ],
        [ 'program=list-nothing&json=1',                                                'error.no-such-program.txt', 'text/plain' ],
    ) {
        my ($query, $name, $type) = @$case;
        my $answer = $api->($query);
        is_deeply([ $answer->status, $answer->header('Content-type') ], [ 200, $type ], $query);
        is($answer->body, $recorded->($name), "$name, byte for byte");
    }
    for my $case ([ 'with-feature=mail&', 9 ], [ 'alias=&', 1 ], [ 'subserver=&', 2 ], [ 'disabled=&', 1 ], [ '', 10 ]) {
        my ($filter, $count) = @$case;
        is(scalar(() = $api->("program=list-domains&${filter}name-only=&json=1")->body =~ /"values" : \{\}/g), $count, "names: $filter");
        is(scalar(() = $api->("program=list-domains&${filter}name-only=&xml=1")->body =~ m{<values></values>}g), $count, 'the same in XML');
    }
    like($api->('program=list-domains&domain=example.net&multiline=&json=1')->body, qr/^(?!.*dash\.example).*"Alias"/s, 'a domain that exists');
    like($api->('program=list-domains&domain=no.example&multiline=&json=1')->body, qr/no\.example does not exist/, 'a domain that does not');
    my $query = 'program=list-domains&multiline=&json=1';
    like($api->($query, 'user' => 'owner')->body, qr/not allowed to use the Virtualmin/, 'a user without the module is refused');
    put($panel->folder . '/virtual-server/near.acl', "noconfig=1\n") if mkdir($panel->folder . '/virtual-server');
    my $answer = $api->($query, 'user' => 'near');
    is_deeply([ $answer->status, $answer->body ], [ 200, $recorded->('error.not-allowed.txt') ], 'a user who may not call gets plain text with status 200');
    put($panel->folder . '/root.acl', "rpc=3\n");
    like($api->($query)->body, qr/for RPC calls only/, 'a user limited to API calls is refused before 8.2');
    my $cgi = $panel->root . '/virtual-server/remote.cgi';
    my $released = readlink($cgi);
    unlink($cgi);
    put($cgi, "#!/usr/bin/perl\n\$main::allow_rpc_only = 1;\ndo '$released';\ndie \$@ if \$@;\n");
    is($api->($query)->body, $recorded->('list-domains.json'), 'and accepted in 8.2');
    is($api->('program=list-users&domain=dash.example&multiline=&json=1')->status, 500, 'a call that is not recorded fails');
};

subtest 'TLS' => sub {
    my $pem = "$module/../panel-$$.pem";
    system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=panel -days 1 -keyout $pem -out $pem.cert 2>/dev/null && cat $pem.cert >>$pem") == 0 or die;
    my $secure = MiniServ->start('modules' => { 'our-module' => $module }, 'config' => { 'ssl' => 1, 'keyfile' => $pem });
    unlink("$pem.cert", $pem);
    cgi('code.cgi', "$html print \$ENV{HTTPS}; print 'x' x 100_000 for 1 .. 50");
    my $answer = $secure->request('GET', '/our-module/code.cgi');
    is($answer->body, 'ON' . 'x' x 5_000_000, 'a page is complete');
    is($secure->request('GET', '/our-module/large.js')->complete, 1, 'a file is complete');
    cgi('code.cgi', "$html read(STDIN, my \$b, 100); print \$b");
    is($secure->request('POST', '/our-module/code.cgi', 'body' => 'a=b')->body, 'a=b', 'a form is complete');
    like($secure->request('GET', '/our-module/code.cgi', 'plain' => 1, 'timeout' => 1)->raw, qr/^HTTP/, 'a browser without TLS is served without it');
    cgi('code.cgi', "$html open(my \$raw, '>&=', fileno(STDOUT)); syswrite(\$raw, 'raw')");
    unlike($secure->request('GET', '/our-module/code.cgi')->body, qr/raw/, 'data that bypasses the handle bypasses TLS');
};

done_testing();
