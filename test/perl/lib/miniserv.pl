#!/usr/bin/perl
# A stand-in for MiniServ, Webmin's web server, with everything that makes it difficult for a CGI: MiniServ.pm starts it for
# tests. Usage: miniserv.pl --config FILE. It stays in the foreground, and prints its port when it listens.
#
# It reproduces Webmin 2.660, and Usermin 2.551, which has the same MiniServ; the comment of each behaviour names its source ("sub
# PRINT" is a function of miniserv-lib.pl). It reads the keys of the configuration that read_config() lists, and three that only
# tests use: port=0 selects a free port, test_delay is the number of seconds that each failed login adds to the wait, and
# test_environment names a file of NAME=value lines for the environment of every CGI.
package miniserv;
use strict;
use warnings;
use Fcntl qw(F_SETFD FD_CLOEXEC);
use MIME::Base64 qw(decode_base64);
use POSIX qw(WNOHANG);
use Socket;
use File::Basename qw(dirname);
use lib dirname(__FILE__);
use TestUsers;

# Global as in the real one: a CGI that runs in this process can read and set them.
our (%config, $config_file, %users, %allow, $port, $host, $use_ssl, $ssl_con, $ssl_context, $miniserv_main_pid);
our ($ok_code, $ok_message, $logged_code, $datestr, $reqline, $request_uri, $method, $page, $simple, $querystring);
our ($queryargs, %header, $posted_data, $clen_read, $authuser, $baseauthuser, $validated, $blocked, $session_id);
our ($full, $scriptname, $pathinfo, $cgi_pwd, $nph_script, $doneheaders, $headers, %cgiheader, @cgiheader);
our ($acptip, $read_buffer, $postinput, $postpos, $write_data_count, $doing_cgi_eval, $main_process_id, $localip);
our ($page_capture, $page_capture_out, $PASSINw, $PASSOUTr, @deny, %hostfail, %blockhosttime);

my %types = qw(
    css text/css  gif image/gif  html text/html  ico image/x-icon  js application/javascript  json application/json
    pdf application/pdf  png image/png  svg image/svg+xml  txt text/plain  woff font/woff  woff2 font/woff2
);

main() if !caller;

sub main {
    die "Usage: miniserv.pl --config FILE\n" if @ARGV != 2 || $ARGV[0] ne '--config';
    $config_file = $ARGV[1];
    read_config();
    my $listener = listen_on();
    $miniserv_main_pid = $$;
    if ($config{'pidfile'}) {
        open(my $file, '>', $config{'pidfile'}) or die "$config{'pidfile'}: $!";
        print {$file} "$$\n";
        close($file);
    }
    {
        local $| = 1;
        print "$port\n";
    }
    # STDIN and STDOUT are /dev/null, STDERR is the error log (miniserv.pl, "Close standard file handles").
    open(STDIN,  '<', '/dev/null') or die "/dev/null: $!";
    open(STDOUT, '>', '/dev/null') or die "/dev/null: $!";
    open(STDERR, '>>', $config{'errorlog'}) or die "$config{'errorlog'}: $!";
    log_error('miniserv.pl started');
    serve($listener);
}

# serve(listener) Accepts connections, each in a child process, and counts the logins that the children report.
sub serve {
    my ($listener) = @_;
    my ($reload, @logins, %children);
    local $SIG{'USR1'} = sub { $reload = 1 };
    local $SIG{'TERM'} = sub {
        kill('TERM', keys %children);
        unlink($config{'pidfile'}) if $config{'pidfile'};
        exit(0);
    };
    local $SIG{'PIPE'} = 'IGNORE';
    while (1) {
        while ((my $ended = waitpid(-1, WNOHANG)) > 0) { delete($children{$ended}) }
        my $readable = '';
        vec($readable, fileno($_), 1) = 1 for $listener, map { $_->[0] } @logins;
        my $found = select($readable, undef, undef, 2);
        # Configuration and users are read only at the start and at SIGUSR1 (sub reload_config_file).
        if ($reload) { $reload = 0; read_config(); log_error('Reloading configuration') }
        unblock();
        next if $found <= 0;
        @logins = grep { !vec($readable, fileno($_->[0]), 1) || answer_login(@$_) } @logins;
        if (vec($readable, fileno($listener), 1)) {
            my $peer = accept(SOCK, $listener) or next;
            pipe(my $in_read, my $in_write);
            pipe(my $out_read, my $out_write);
            my $child = fork();
            if (!$child) {
                close($listener);
                ($PASSINw, $PASSOUTr) = ($in_write, $out_read);
                close($_) for $in_read, $out_write;
                serve_connection($peer);
            }
            $children{$child} = 1;
            close($_) for $in_write, $out_read;
            close(SOCK);
            push(@logins, [ $in_read, $out_write ]);
        }
    }
}

# serve_connection(peer) Handles the requests of one connection, and ends the process.
sub serve_connection {
    my ($peer) = @_;
    # Writing to a browser that has disconnected kills the child (miniserv.pl, "setup signal handlers").
    $SIG{$_} = 'DEFAULT' for qw(TERM PIPE);
    $SIG{$_} = 'IGNORE'  for qw(HUP USR1);
    binmode(SOCK);
    $acptip  = inet_ntoa((sockaddr_in($peer))[1]);
    $localip = inet_ntoa((sockaddr_in(getsockname(SOCK)))[1]);
    $host    = $localip;
    start_tls() if $use_ssl;
    # Static files keep a connection open if the browser requests that (sub write_keep_alive).
    1 while handle_request();
    Net::SSLeay::shutdown($ssl_con) if $use_ssl;
    shutdown(SOCK, 1);
    close(SOCK);
    exit;
}

# start_tls() Starts TLS, unless the first byte shows that the browser does not use it (miniserv.pl, "Initialize SSL").
sub start_tls {
    my $byte = '';
    recv(SOCK, $byte, 1, MSG_PEEK);
    if (!length($byte) || !(ord($byte) == 0x16 || ord($byte) & 0x80)) { $use_ssl = 0; return }
    $ssl_con = Net::SSLeay::new($ssl_context) or exit;
    Net::SSLeay::set_fd($ssl_con, fileno(SOCK));
    Net::SSLeay::accept($ssl_con) > 0 or exit;
}

# handle_request() Handles one request. Returns whether the connection stays open for another.
sub handle_request {
    ($ok_code, $ok_message, $datestr) = (200, 'Document follows', http_date(time()));
    ($logged_code, $reqline, $request_uri, $page, $authuser, $baseauthuser, $session_id, $querystring, $queryargs) = ();
    ($pathinfo, $full, $nph_script, $doneheaders, $headers, $posted_data, $method) = ();
    ($postinput, $postpos, $clen_read, %cgiheader, @cgiheader) = ('', 0, 0);

    # A blocked address gets this before the request is read (sub handle_request, "check address").
    http_error(403, "Access denied for $acptip") if grep { $_ eq $acptip } @deny;

    # A request that arrived together with the one before it waits until more data arrives (sub handle_request, "waiting for").
    vec(my $readable = '', fileno(SOCK), 1) = 1;
    select($readable, undef, undef, 600) or return 0;
    ($reqline = read_line()) =~ s/[\r\n]//g;
    return 0 if $reqline eq '';
    $reqline =~ m{^(\S+)\s+(.*)\s+HTTP/1\..$} or http_error(400, 'Bad Request');
    ($method, $request_uri, $page) = ($1, $2, $2);
    read_headers();
    read_query();
    read_form() if $method eq 'POST' && ($header{'content-type'} // '') eq 'application/x-www-form-urlencoded';
    http_error(405, "Method $method is not supported") if $method eq 'CONNECT' || $method eq 'TRACE';

    $page =~ s/%(..)/pack('c', hex($1))/ge;
    # A proxy's prefix is removed from the path and stays in REQUEST_URI (sub handle_request, "check for any redirect").
    for my $prefix (split(/\s+/, $config{'strip_prefix'} // '')) { last if $page =~ s/^\Q$prefix\E// }
    $simple = simplify_path($page);
    http_error(400, "Bad Request method $method") if $method eq 'SEARCH' || $method eq 'PUT';
    http_error(400, 'Invalid path') if !defined($simple);
    log_in() or return 0;

    find_file();
    if ($full =~ /\.cgi$/ && $validated != 4) { run_cgi(); return 0 }
    return send_file();
}

# read_headers() Reads the request's headers. The last of several with the same name counts (sub handle_request, "Read HTTP
# headers").
sub read_headers {
    %header = ();
    my $last;
    while (1) {
        (my $line = read_line()) =~ s/[\r\n]//g;
        last if $line eq '';
        if    ($line =~ /^(\S+):\s*(.*)$/) { $header{ $last = lc($1) } = $2 }
        elsif ($line =~ /^\s+(.*)$/ && defined($last)) { $header{$last} .= $line }
        else  { http_error(400, "Bad Header $line") }
    }
    $host = $1 if ($header{'host'} // '') =~ /^([^:]+)/;
}

# read_query() Splits the query from the path. Without an equals sign it is not QUERY_STRING but the CGI's arguments
# (sub handle_request, "query string information").
sub read_query {
    $page =~ /^([^?]+)\?(.*)$/ or return;
    ($page, $querystring) = ($1, $2);
    return if $querystring =~ /=/;
    ($queryargs, $querystring) = ($querystring, '');
    $queryargs =~ tr/+/ /;
    $queryargs =~ s/%(..)/pack('c', hex($1))/ge;
}

# read_form() Reads the beginning of a form before the CGI runs, at most max_post bytes. If it takes several reads, CRs and a
# newline at the end of a read are lost (sub handle_request, "posted query string").
sub read_form {
    my $length = $header{'content-length'} // 0;
    $clen_read = $length > $config{'max_post'} ? $config{'max_post'} : $length;
    $posted_data = '';
    while (length($posted_data) < $clen_read) {
        my $bytes = read_data($clen_read - length($posted_data)) // '';
        http_error(500, 'Failed to read POST request') if !length($bytes);
        chomp($posted_data);
        $posted_data =~ s/\015$//mg;
        $posted_data .= $bytes;
    }
}

# log_in() Identifies the user. Returns whether the request may continue; otherwise the answer has been written.
sub log_in {
    ($validated, $blocked) = (0, 0);
    my $session = $config{'session'};
    # With sessions, passwords are accepted on a few paths only, and from other Webmins (sub handle_request, "Session authentication").
    $session = 0 if ($header{'user-agent'} // '') =~ /webmin/i;
    $session = 0 if grep { $_ eq $simple } split(/\s+/, $config{'sessiononly'} // '');
    if ($session) { log_in_by_session() }
    else { log_in_by_password() }
    # Pictures need no login (sub update_vital_config, "unauth").
    $validated = 4 if !$validated && $simple =~ m{^/unauthenticated/|^[A-Za-z0-9\-/_]+\.(?:gif|png|ico)$};
    if (!$validated) {
        http_error(403, "Access denied for $acptip. The host has been blocked because of too many authentication failures.") if $blocked;
        return ask_for_session() if $session;
        return ask_for_password();
    }
    return 1 if $validated == 4;
    # In Usermin, whoever can log in to the system has the rights of one user (sub can_user_login, "unixauth").
    $baseauthuser = $config{'unixauth'} && !defined($users{$authuser}) ? $config{'unixauth'} : $authuser;
    # A user limited to some addresses is refused from others, even with the right password (sub check_user_ip).
    http_error(403, "Access denied for $acptip for $authuser") if $allow{$authuser} && !grep { $_ eq $acptip } @{ $allow{$authuser} };
    return 1;
}

# log_in_by_password() Checks the user and password of HTTP Basic authentication. Sets $validated, and $blocked if the
# address is blocked now.
sub log_in_by_password {
    return if ($header{'authorization'} // '') !~ /^basic\s+(\S+)$/i;
    my $password;
    ($authuser, $password) = map { $_ // '' } (split(/:/, decode_base64($1), 2))[ 0, 1 ];
    my $hash = $users{$authuser};
    $validated = 1 if defined($hash) && (crypt($password, $hash) // '') eq $hash;
    return if !$config{'passdelay'} || $authuser eq '';
    (my $wait, $blocked) = ask_master("$authuser $acptip $validated");
    sleep($wait);
}

# log_in_by_session() Finds the user of the session in the cookie. Sets $validated.
sub log_in_by_session {
    return if ($header{'cookie'} // '') !~ /(?:^|\s|;)sid=([a-f0-9]+)/;
    $session_id = $1;
    open(my $file, '<', $config{'sessiondb'}) or die "$config{'sessiondb'}: $!";
    /^\Q$session_id\E (\S+)$/ and ($authuser, $validated) = ($1, 1) for <$file>;
}

# ask_for_password() Writes a 401 (sub handle_request, "Ask for login with HTTP authentication").
sub ask_for_password {
    write_head('401 Unauthorized', "WWW-authenticate: Basic realm=\"$config{'realm'}\"", keep_alive(0), 'Content-type: text/html; Charset=utf-8');
    write_data("<html>\n<head><title>401 &mdash; Unauthorized</title></head>\n<body><h2>401 &mdash; Unauthorized</h2>\n",
        "<p>A password is required to access this web server. Please try again.</p> <p>\n</body></html>\n");
    log_request(401);
    return 0;
}

# ask_for_session() Writes the login page, with status 200 (session_login.cgi; only the log says 401).
sub ask_for_session {
    write_head("$ok_code $ok_message", keep_alive(0), 'Set-Cookie: testing=1; path=/', 'Content-type: text/html; Charset=utf-8');
    write_data("<html><body><form action=/session_login.cgi method=post>Login to Webmin</form></body></html>\n");
    log_request(401);
    return 0;
}

# ask_master(login) Has the main process count a login. Returns the seconds to wait, and 1 if the address is blocked now.
sub ask_master {
    my ($login) = @_;
    syswrite($PASSINw, "$login\n");
    return (<$PASSOUTr> // '') =~ /(\d+)/g;
}

my (%waits, %last);

# answer_login(in, out) Counts the logins from each address, in the main process (miniserv.pl, "Got a delay request"). Returns
# whether the child is still connected.
sub answer_login {
    my ($in, $out) = @_;
    my $bytes = sysread($in, my $line, 4096) or return 0;
    my ($user, $address, $accepted) = split(/\s+/, $line);
    my $now_blocked = 0;
    my $wait        = 0;
    if ($accepted) {
        $hostfail{$address} = 0;
    }
    else {
        $hostfail{$address}++;
        # This blocks the address, not the user; after that not even the right password is accepted.
        if ($config{'blockhost_failures'} && $hostfail{$address} >= $config{'blockhost_failures'}) {
            push(@deny, $address);
            $blockhosttime{$address} = time();
            $now_blocked = 1;
        }
        my $count = ($waits{$user} // 0) - int((time() - ($last{$user} // 0)) / 50);
        $waits{$user} = $count < 0 ? 0 : $count + 1;
        $wait = $waits{$user} * $config{'test_delay'};
    }
    $last{$user} = time();
    syswrite($out, "$wait $now_blocked\n");
    return 1;
}

# unblock() Unblocks the addresses whose time is over (miniserv.pl, "run the unblocking procedure").
sub unblock {
    my @over = grep { $config{'blockhost_time'} && time() - $blockhosttime{$_} >= $config{'blockhost_time'} } @deny;
    for my $address (@over) {
        $hostfail{$address} = 0;
        @deny = grep { $_ ne $address } @deny;
    }
}

# find_file() Sets $full to the path's file or CGI, and $pathinfo to the part of the path after the CGI's name.
sub find_file {
    my $sofar = '';
    for my $part (grep { $_ ne '' } split(m{/}, $simple)) {
        $sofar .= "/$part";
        -e "$config{'root'}$sofar" or http_error(404, 'File not found');
        next if -d _;
        last if $sofar !~ /\.cgi$/;
        # PATH_INFO is decoded, and empty parts are removed (sub handle_request, "Check if this is a CGI program").
        $pathinfo = substr($simple, length($sofar));
        $pathinfo .= '/' if $page =~ m{/$};
        last;
    }
    ($full, $scriptname) = ("$config{'root'}$sofar", $sofar);
    http_error(403, "Access denied to $page") if $config{'denyfile'} && $full =~ /$config{'denyfile'}/;
    if (-d $full) {
        if ($page !~ m{/$}) {
            my $protocol = $use_ssl ? 'https' : 'http';
            write_head('302 Moved Temporarily', "Location: $protocol://$host:$port$page/", keep_alive(0));
            log_request(302);
            finish();
        }
        my ($index) = grep { -f "$full/$_" } split(/\s+/, $config{'index_docs'});
        http_error(500, 'Directory is missing an index file') if !defined($index);
        $full .= "/$index";
        $scriptname = "$sofar/";
    }
    ($cgi_pwd) = $full =~ m{^(.*/)};
}

# set_environment() Sets the environment of a CGI, with only a few variables of the server's own (sub handle_request,
# "executing CGI").
sub set_environment {
    my %kept = map { defined($ENV{$_}) ? ($_ => $ENV{$_}) : () } qw(PATH TZ USER LIBROOT PERLLIB);
    my $language = $ENV{'LANG'};
    %ENV = (
        %kept,
        (defined($language) ? ('OLD_LANG' => $language) : ()),
        'HOME'                  => (getpwuid($<))[7],
        'SERVER_SOFTWARE'       => $config{'server'},
        'SERVER_NAME'           => $host,
        'SERVER_ROOT'           => $config{'root'},
        'SERVER_REALROOT'       => $config{'root'},
        'SERVER_PORT'           => $port,
        'REMOTE_HOST'           => $acptip,
        'REMOTE_ADDR'           => $acptip,
        'REMOTE_ADDR_PROTOCOL'  => 4,
        'REMOTE_USER'           => $authuser // '',
        # Empty unless the user has the rights of another one.
        'BASE_REMOTE_USER'      => defined($baseauthuser) && $baseauthuser ne $authuser ? $baseauthuser : '',
        'DOCUMENT_ROOT'         => $config{'root'},
        'DOCUMENT_REALROOT'     => $config{'root'},
        'THEME_ROOT'            => '',
        'THEME_DIRS'            => '',
        'GATEWAY_INTERFACE'     => 'CGI/1.1',
        # Whatever version the browser uses.
        'SERVER_PROTOCOL'       => 'HTTP/1.0',
        'REQUEST_METHOD'        => $method,
        'SCRIPT_NAME'           => $scriptname,
        'SCRIPT_FILENAME'       => $full,
        # As it was sent: with the query and a proxy's prefix, not decoded.
        'REQUEST_URI'           => $request_uri,
        'PATH_INFO'             => $pathinfo // '',
        'QUERY_STRING'          => $querystring // '',
        'MINISERV_CONFIG'       => $config_file,
        'HTTPS'                 => $use_ssl ? 'ON' : '',
        'MINISERV_PID'          => $miniserv_main_pid,
        'PWD'                   => $cgi_pwd,
    );
    $ENV{'PATH_TRANSLATED'}   = "$config{'root'}$pathinfo" if $pathinfo;
    $ENV{'MINISERV_CERTFILE'} = $config{'certfile'} || $config{'keyfile'} if $use_ssl;
    $ENV{'SESSION_ID'}        = $session_id if $session_id;
    $ENV{'CONTENT_LENGTH'}    = $header{'content-length'} if defined($header{'content-length'});
    $ENV{'CONTENT_TYPE'}      = $header{'content-type'} if defined($header{'content-type'});
    for my $name (keys %header) {
        (my $variable = uc($name)) =~ tr/-/_/;
        $ENV{"HTTP_$variable"} = $header{$name};
    }
    /^env_(\S+)$/ and $ENV{$1} = $config{$_} for keys %config;
    delete($ENV{'HTTP_AUTHORIZATION'});
    $ENV{'HTTP_COOKIE'} =~ s/;?\s*sid=([a-f0-9]+)// if defined($ENV{'HTTP_COOKIE'});
    if ($config{'test_environment'} && open(my $file, '<', $config{'test_environment'})) {
        /^([^=]+)=(.*)$/ and $ENV{$1} = $2 for <$file>;
    }
}

# run_cgi() Runs a CGI: Perl in this process; other programs, and all with forkcgis, in a process of their own.
sub run_cgi {
    set_environment();
    open(my $file, '<', $full) or http_error(500, 'Failed to open CGI');
    my $first = <$file> // '';
    close($file);
    $first =~ s/[#!\r\n]//g;
    # The name decides; a CGI in this process can also set the variable (sub write_to_sock reads it at each print).
    $nph_script = $full =~ m{/nph-([^/]+)$};
    # A first line with options ("perl -w") does not count as Perl (sub handle_request, "Check if the CGI can be handled
    # internally").
    if (!$config{'forkcgis'} && $first =~ m{/perl$|^/\S+/env\s+perl$}) { run_inside() }
    else { run_outside() }
    log_request($logged_code // ($cgiheader{'location'} ? 302 : $ok_code));
}

# run_inside() Runs a CGI by `do` in a package named after the module, with this class as STDIN and STDOUT
# (sub handle_request, "setup environment for eval").
sub run_inside {
    chdir($ENV{'PWD'});
    @ARGV = split(/\s+/, $queryargs // '');
    $0 = $full;
    $postinput = $posted_data if defined($posted_data);
    $SIG{'CHLD'} = 'DEFAULT';
    # Programs that the CGI starts do not inherit the connection.
    fcntl(SOCK, F_SETFD, FD_CLOEXEC);
    $doing_cgi_eval  = 1;
    $main_process_id = $$;
    my $package = 'main';
    if ($full =~ m{^\Q$config{'root'}\E/([^/]+)/}) { ($package = $1) =~ s/[^A-Za-z0-9]/_/g }
    # The real one does not use strict, and a CGI must not get pragmas from here.
    ## no critic (TestingAndDebugging, BuiltinFunctions::ProhibitStringyEval)
    no strict;
    no warnings;
    eval "
        package $package;
        tie(*STDOUT, 'miniserv');
        tie(*STDIN, 'miniserv');
        do \$miniserv::full;
        die \$@ if (\$@);
    ";
    ## use critic
    $doing_cgi_eval = 0;
    # The error of a CGI that dies is sent as a complete answer, whatever was printed before: a second status line in the
    # middle of a page or a file.
    if ($@) { http_error(500, 'Perl execution failed', $@) }
    elsif (!$doneheaders && !$nph_script) { http_error(500, 'Missing Headers') }
}

# run_outside() Runs a CGI in a process of its own, with pipes (sub handle_request, "fork the process that actually executes").
sub run_outside {
    pipe(my $in_read, my $in_write);
    pipe(my $out_read, my $out_write);
    pipe(my $error_read, my $error_write);
    my $child = fork();
    if (!$child) {
        chdir($ENV{'PWD'});
        close(SOCK);
        open(STDIN,  '<&', $in_read)   or die "STDIN: $!";
        open(STDOUT, '>&', $out_write) or die "STDOUT: $!";
        # Read only if the headers are not valid (read_cgi_head).
        open(STDERR, '>&', $error_write) or die "STDERR: $!";
        close($_) for $in_write, $out_read, $error_read;
        exec({$full} $full, split(/\s+/, $queryargs // '')) or POSIX::_exit(1);
    }
    close($_) for $in_read, $out_write, $error_write;
    send_form($in_write, $child);
    close($in_write);
    shutdown(SOCK, 0);
    if (!$nph_script) {
        read_cgi_head($out_read, $error_read);
        write_cgi_head();
        # After a redirect only its headers are read.
        return if $cgiheader{'location'};
    }
    while (my $line = <$out_read>) { write_data($line) }
}

# send_form(in, child) Writes the form to a CGI in its own process, as it arrives from the browser.
sub send_form {
    my ($in, $child) = @_;
    my $length = $header{'content-length'} // 0;
    local $SIG{'PIPE'} = 'IGNORE';
    syswrite($in, $posted_data) if defined($posted_data);
    for (my $got = $clen_read; $method eq 'POST' && $got < $length;) {
        my $bytes = read_data($length - $got) // '';
        if (!length($bytes)) { kill('TERM', $child); http_error(500, 'Failed to read POST request') }
        $got += length($bytes);
        syswrite($in, $bytes);
    }
}

# read_cgi_head(out, errors) Reads the headers that a CGI in its own process prints. If one is not valid, the error page has
# what the CGI wrote to STDERR.
sub read_cgi_head {
    my ($out, $errors) = @_;
    while (defined(my $line = <$out>)) {
        $line =~ s/[\r\n]//g;
        if ($line eq '') {
            last if %cgiheader;
            next;
        }
        http_error(500, 'Bad Header', join('', <$errors>)) if $line !~ /^(\S+):\s+(.*)$/;
        $cgiheader{ lc($1) } = $2;
        push(@cgiheader, [ $1, $2 ]);
    }
}

# write_cgi_head() Writes the status line and the headers that a CGI printed. `Status:` does not change the status: it is a
# header like any other (sub write_to_sock).
sub write_cgi_head {
    my $status = "$ok_code $ok_message";
    if ($cgiheader{'location'}) { $status = '302 Moved Temporarily' }
    elsif (($cgiheader{'content-type'} // '') eq '') { http_error(500, 'Missing Content-Type Header') }
    write_head($status, keep_alive(0), map { "$_->[0]: $_->[1]" } @cgiheader);
}

# send_file() Sends a file in pieces of 32 KB. Returns whether the connection stays open (sub handle_request, "A file to output").
sub send_file {
    open(my $file, '<:raw', $full) or http_error(404, 'Failed to open file');
    my @found  = stat($file);
    my ($ext)  = $full =~ /\.([A-Za-z0-9]+)$/;
    my $type   = $types{ $ext // '' } // 'text/plain';
    my $stays  = ($header{'connection'} // '') =~ /keep-alive/i;
    my $expiry = 7 * 24 * 60 * 60;
    write_head("$ok_code $ok_message", "Content-type: $type", 'Last-Modified: ' . http_date($found[9]),
        'Expires: ' . http_date(time() + $expiry), "Cache-Control: public; max-age=$expiry", "Content-length: $found[7]", keep_alive($stays));
    # HEAD gets the body as well.
    while (read($file, my $bytes, $config{'bufsize'} || 32768)) { write_data($bytes) }
    log_request($ok_code);
    return $stays;
}

# http_error(code, message, body) Writes an error as a complete answer, and ends the process (sub http_error).
sub http_error {
    my ($code, $message, $body) = @_;
    write_head("$code $message", 'Content-type: text/html; Charset=utf-8', keep_alive(0));
    write_data("<html>\n<head><title>$code &mdash; $message</title></head>\n<body class=\"err-body\"><h2 class=\"err-head\">Error &mdash; $message</h2>\n",
        defined($body) ? "<p class=\"err-content\">$body</p>\n" : '', "</body></html>\n");
    log_request($code) if $reqline;
    log_error($message, defined($body) ? " : $body" : '');
    finish();
}

# finish() Ends the connection and the process.
sub finish {
    $doing_cgi_eval = 0;
    shutdown(SOCK, 1);
    close(SOCK);
    exit;
}

# write_head(status, headers...) Writes a status line, always with HTTP/1.0, and headers.
sub write_head {
    my ($status, @lines) = @_;
    write_data(map { "$_\r\n" } "HTTP/1.0 $status", "Date: $datestr", 'Server: MiniServ', @lines, '');
    $write_data_count = 0;
}

# keep_alive(stays-open) Returns the Connection header.
sub keep_alive { return 'Connection: ' . ($_[0] ? 'Keep-Alive' : 'close') }

# write_data(data...) Writes to the browser. It does not return whether that worked. Characters beyond Latin 1 become UTF-8
# (sub write_data).
sub write_data {
    my (@data) = @_;
    my $text = join('', @data);
    if ($use_ssl) {
        Net::SSLeay::write($ssl_con, $text);
    }
    else {
        eval { syswrite(SOCK, $text, length($text)) };
        if ($@ =~ /wide\s+character/i) { eval { utf8::encode($text); syswrite(SOCK, $text, length($text)) } }
        log_error($@) if $@;
    }
    $write_data_count += length($text);
}

# read_line() Returns a line from the browser with its line feed; at the end of the connection, the rest.
sub read_line {
    while (($read_buffer // '') !~ /\n/) {
        http_error(414, 'Request too long') if length($read_buffer // '') > 100000;
        my $more = $use_ssl ? Net::SSLeay::read($ssl_con) : do { sysread(SOCK, my $bytes, 32768); $bytes };
        if (!defined($more) || $more eq '') {
            my $rest = $read_buffer // '';
            undef($read_buffer);
            return $rest;
        }
        $read_buffer .= $more;
    }
    $read_buffer =~ s/^(.*?\n)//s;
    return $1;
}

# read_data(length) Returns the data that has arrived, at most that many bytes; usually fewer, since it waits only for the first
# one (sub read_data). It does not know Content-Length: after the end of a form it waits until the browser disconnects.
sub read_data {
    my ($length) = @_;
    if (length($read_buffer // '')) {
        my $bytes = substr($read_buffer, 0, $length, '');
        return $bytes;
    }
    return Net::SSLeay::read($ssl_con, $length) if $use_ssl;
    sysread(SOCK, my $bytes, $length) or return undef; ## no critic (Subroutines::ProhibitExplicitReturnUndef)
    return $bytes;
}

# The tied handle. It has no BINMODE, SEEK or TELL, so `binmode`, `seek` and `tell` die.

sub TIEHANDLE { my ($class) = @_; my $count = 0; return bless(\$count, $class) }

# `print` returns nothing, so "print … or last" stops after one piece (sub PRINT: its last statement is an `if` whose condition
# is false).
sub PRINT {
    my (undef, @data) = @_;
    my $text = join(defined($,) ? $, : '', map { $_ // '' } @data);
    $text .= $\ if defined($\);
    write_to_sock($text);
    $page_capture_out .= $text if $page_capture;
}

# `printf` returns nothing either (sub PRINTF).
sub PRINTF {
    my (undef, $format, @values) = @_;
    my $text = sprintf($format, @values);
    write_to_sock($text);
    $page_capture_out .= $text if $page_capture;
}

# `syswrite` does not return how many bytes were written (sub WRITE).
sub WRITE {
    my (undef, $text, $length, $offset) = @_;
    write_to_sock(substr($text, $offset // 0, $length));
    $page_capture_out .= substr($text, $offset // 0, $length) if $page_capture;
}

# `read` writes the data at the offset, and does not shorten a buffer that is longer (sub READ). It dies if the offset is beyond
# the end of the buffer.
sub READ { ## no critic (Subroutines::RequireArgUnpacking)
    my ($buffer, $length, $offset) = (\$_[1], $_[2], $_[3] // 0);
    $$buffer //= '';
    if ($postpos < length($postinput)) {
        my $left = length($postinput) - $postpos;
        my $count = $length > $left ? $left : $length;
        substr($$buffer, $offset, $count) = substr($postinput, $postpos, $count);
        $postpos += $count;
        return $count;
    }
    my $bytes = read_data($length) // '';
    shutdown(SOCK, 0) if $bytes eq '' && $length;
    substr($$buffer, $offset, length($bytes)) = $bytes;
    return length($bytes);
}

# `<STDIN>` returns one line, in list context too; after the end of a form, the data that the browser sends next (sub READLINE).
sub READLINE {
    my $end = index($postinput, "\n", $postpos);
    if ($postpos < length($postinput) && $end >= 0) {
        my $line = substr($postinput, $postpos, $end - $postpos + 1);
        $postpos = $end + 1;
        return $line;
    }
    my $line = substr($postinput, $postpos);
    $postpos = length($postinput);
    my $more = read_line();
    shutdown(SOCK, 0) if $more eq '';
    return $line eq '' && $more eq '' ? undef : $line . $more;
}

# `getc` removes a character and returns none (sub GETC: it reads into a reference to its variable).
sub GETC { READ($_[0], my $lost, 1, 0); return undef } ## no critic (Subroutines::ProhibitExplicitReturnUndef)

# `open` does nothing: the file of `open(STDOUT, '>', …)` is not opened (sub OPEN).
sub OPEN { }

# `fileno` is the browser's connection. Data written to it bypasses the headers and TLS (sub FILENO).
sub FILENO { return fileno(SOCK) }

# `eof` is true from the start (miniserv.pl imports POSIX, and so has its EOF, which is -1).
sub EOF { return -1 }

# `close` does nothing: the connection stays open until the CGI ends (sub CLOSE).
sub CLOSE { }

# write_to_sock(text) Collects the headers until the empty line, then writes (sub write_to_sock).
sub write_to_sock {
    my ($text) = @_;
    if ($doneheaders || $nph_script) { write_data($text); return }
    $headers = ($headers // '') . $text;
    while (!$doneheaders && $headers =~ s/^([^\r\n]*)(\r)?\n//) {
        my $line = $1;
        # A header needs a space behind its colon.
        if    ($line =~ /^(\S+):\s+(.*)$/) { $cgiheader{ lc($1) } = $2; push(@cgiheader, [ $1, $2 ]) }
        elsif ($line !~ /\S/) { $doneheaders = 1 }
        else  { http_error(500, 'Bad Header') }
    }
    return if !$doneheaders;
    write_cgi_head();
    write_data($headers);
}

# A CGI that exits ends its answer. If it has not printed the empty line after the headers, the browser gets nothing (sub END).
END {
    if ($doing_cgi_eval && $$ == $main_process_id) {
        my $status = $?;
        shutdown(SOCK, 1);
        close(SOCK);
        log_request($cgiheader{'location'} ? 302 : $ok_code);
        $? = $status;
    }
}

# read_config() Reads the configuration, and the users.
sub read_config {
    open(my $file, '<', $config_file) or die "$config_file: $!";
    %config = (
        'port' => 10000, 'realm' => 'Webmin Server', 'server' => 'MiniServ/2.660', 'index_docs' => 'index.html index.htm index.cgi',
        'denyfile' => '\.pl$', 'max_post' => 10000, 'passdelay' => 1, 'blockhost_failures' => 5, 'blockhost_time' => 60,
        'test_delay' => 1, 'bind' => '0.0.0.0',
        map { /^([^#=]+)=(.*?)\r?$/ ? ($1, $2) : () } <$file>,
    );
    $config{$_} or die "$config_file: $_ is missing\n" for qw(root userfile errorlog logfile);
    push(@INC, grep { my $path = $_; !grep { $_ eq $path } @INC } split(/:/, $config{'perllib'} // ''));
    $ENV{'PERLLIB'} = $config{'perllib'} if $config{'perllib'};
    # name:password:…:…:allow ADDRESS ADDRESS:… (sub read_users_file). The passwords "x" and "*" (PAM, locked) are not supported.
    (%users, %allow) = ();
    open(my $list, '<', $config{'userfile'}) or die "$config{'userfile'}: $!";
    while (my $line = <$list>) {
        chomp($line);
        my ($name, $hash, undef, undef, $limit) = split(/:/, $line, -1);
        $users{$name} = $hash;
        $allow{$name} = [ split(/\s+/, $1) ] if ($limit // '') =~ /^allow\s+(.*)/;
    }
    if ($config{'ssl'} && !$ssl_context) {
        require Net::SSLeay;
        Net::SSLeay::initialize();
        $ssl_context = Net::SSLeay::CTX_new();
        Net::SSLeay::CTX_use_PrivateKey_file($ssl_context, $config{'keyfile'}, 1) or die "$config{'keyfile'}: no key\n";
        my $certificate = $config{'certfile'} || $config{'keyfile'};
        Net::SSLeay::CTX_use_certificate_chain_file($ssl_context, $certificate) or die "$certificate: no certificate\n";
    }
    $use_ssl = $config{'ssl'} ? 1 : 0;
}

sub listen_on {
    socket(my $listener, PF_INET, SOCK_STREAM, getprotobyname('tcp')) or die "socket: $!";
    setsockopt($listener, SOL_SOCKET, SO_REUSEADDR, pack('l', 1));
    bind($listener, sockaddr_in($config{'port'}, inet_aton($config{'bind'}))) or die "$config{'bind'}:$config{'port'}: $!\n";
    listen($listener, SOMAXCONN);
    ($port) = sockaddr_in(getsockname($listener));
    return $listener;
}

# simplify_path(path) Returns a path without empty parts and dots; nothing if it leads out of the root (sub simplify_path).
sub simplify_path {
    my ($path) = @_;
    $path =~ s/\0//g;
    my @parts;
    for my $part (grep { $_ ne '' && $_ ne '.' } split(m{[/\\]+}, $path)) {
        if ($part ne '..' && $part ne '...') { push(@parts, $part) }
        elsif (!defined(pop(@parts))) { return }
    }
    return '/' . join('/', @parts);
}

sub log_request {
    my ($code) = @_;
    open(my $file, '>>', $config{'logfile'}) or return;
    printf {$file} "%s - %s [%s] \"%s\" %s %s\n", $acptip, $authuser // '-', $datestr, $reqline // '', $code, $write_data_count // 0;
}

sub log_error { print STDERR '[', http_date(time()), '] ', ($acptip ? "[$acptip] " : ''), ($page ? "$page : " : ''), @_, "\n" }

sub http_date { return POSIX::strftime('%a, %d %b %Y %H:%M:%S GMT', gmtime($_[0])) }

1;
