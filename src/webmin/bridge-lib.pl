# The bridge between the panel and the app: forwards a request of the browser to the app, and prints the answer, inside the
# panel's page or as it is.
use strict;
use warnings;
use File::Basename qw(dirname);
use IO::Socket::UNIX;

require(dirname(__FILE__) . '/panel-lib.pl');
require(dirname(__FILE__) . '/browser-lib.pl');
require(dirname(__FILE__) . '/app-lib.pl');

our (%text, $module_name);

# The largest form in bytes: thousands of mailboxes can be ticked, and a logo uploaded.
my $max_form_size = 5 * 1024 * 1024;

# Bytes of a form that is too large which are read and discarded. Browsers show an answer only after sending the form.
my $max_discarded_size = 20 * $max_form_size;

# Bytes of a form or a file per read.
my $read_size = 64 * 1024;

# Request headers that the app gets, and their CGI variables. No others: a browser must not be able to send Mail-Setup-Viewer.
my %forwarded_headers = (
    'Accept-Language'   => 'HTTP_ACCEPT_LANGUAGE',
    'If-None-Match'     => 'HTTP_IF_NONE_MATCH',
    'If-Modified-Since' => 'HTTP_IF_MODIFIED_SINCE',
    'Content-Type'      => 'CONTENT_TYPE',
);

# Response headers of a document or file that the browser gets.
my @document_headers = qw(
    date cache-control content-disposition content-length content-security-policy content-type etag
    last-modified location permissions-policy referrer-policy retry-after x-content-type-options
    x-frame-options
);

# Response headers of a page inside the panel that the browser gets; Webmin sets the others.
my @page_headers = qw(retry-after);

# answer_request() Forwards the request to the app and prints its answer.
sub answer_request {
    my $method = ($ENV{'REQUEST_METHOD'} || 'GET') =~ /^([A-Z]+)$/ ? $1 : 'GET';
    my $length = ($ENV{'CONTENT_LENGTH'} || 0) =~ /^(\d{1,15})$/ ? $1 : 0;
    # Authentic's menu loads a page with an empty POST. Our own forms are never empty: each has a token.
    $method = 'GET' if $method eq 'POST' && $length == 0;
    if ($length > $max_form_size) {
        discard_form($length);
        return print_error('413 Content Too Large', 'bridge_too_large', "$length bytes are too many for a form");
    }
    my $app = IO::Socket::UNIX->new('Type' => SOCK_STREAM(), 'Peer' => socket_path());
    return print_error('503 Service Unavailable', 'bridge_not_running', socket_path() . ": $!", remedy()) if !$app;
    my $viewer = viewer();
    my $answer;
    {
        # The app may answer and close before it has read the whole form.
        local $SIG{'PIPE'} = 'IGNORE';
        send_request($app, $method, $length, $viewer);
        $answer = read_answer($app, $method, \&browser_left);
    }
    if (!$answer) {
        return if browser_left();
        return print_error('502 Bad Gateway', 'bridge_no_answer', 'the app closed the connection without an answer', remedy());
    }
    log_action($answer->{'headers'}->{'mail-setup-action'}) if $answer->{'status'} < 400;
    if (defined($answer->{'headers'}->{'mail-setup-title'})) {
        print_page($answer, $viewer, $method);
    }
    else {
        print_document($answer);
    }
    close($app);
}

# requested_path() Returns the path and query for the app, as they were sent. PATH_INFO is decoded, and a login can contain
# a percent sign or a slash.
sub requested_path {
    my $uri = $ENV{'REQUEST_URI'} // '';
    $uri =~ s{^[^?]*?/index\.cgi}{} or return '/';
    $uri =~ s/[\x00-\x20\x7f-\xff]//g;
    # Authentic adds parameters to the address of a page that it loads.
    my ($path, $query) = split(/\?/, $uri, 2);
    my @parameters = grep { !/^(?:xnavigation|_pjax|_)=/ } split(/&/, $query // '');
    $uri = join('?', $path // '', @parameters ? join('&', @parameters) : ());
    return $uri =~ m{^/} ? $uri : "/$uri";
}

# send_request(app, method, length, &viewer) Writes the request with the viewer, the panel's configuration and the form.
sub send_request {
    my ($app, $method, $length, $viewer) = @_;
    my @headers = (
        [ 'Mail-Setup-Viewer', header_value($viewer) ],
        [ 'Mail-Setup-Panel', header_value(facts()) ],
    );
    for my $name (sort keys %forwarded_headers) {
        my $value = $ENV{ $forwarded_headers{$name} };
        # Authentic sends forms with a script, under this wrong type.
        $value = 'application/x-www-form-urlencoded' if $name eq 'Content-Type' && ($value // '') =~ m{^text/plain} && $ENV{'HTTP_X_PJAX'};
        push(@headers, [ $name, $value ]) if defined($value) && $value !~ /[\r\n]/;
    }
    push(@headers, [ 'Content-Length', $length ]) if $method ne 'GET' && $method ne 'HEAD';
    send_request_head($app, $method, requested_path(), @headers);
    # MiniServ's tied handle has no binmode, and needs none.
    binmode(STDIN) if !tied(*STDIN);
    while ($length > 0) {
        my $read = read(STDIN, my $bytes, $length < $read_size ? $length : $read_size);
        last if !$read;
        print {$app} $bytes or last;
        $length -= $read;
    }
    $app->flush();
}

# discard_form(length) Reads a form that is too large, without keeping it.
sub discard_form {
    my ($length) = @_;
    my $left = $length < $max_discarded_size ? $length : $max_discarded_size;
    while ($left > 0) {
        my $read = read(STDIN, my $bytes, $left < $read_size ? $left : $read_size);
        last if !$read;
        $left -= $read;
    }
}

# log_action(header) Writes the action that the app reports ("name?key=value&...") to Webmin's log of actions.
sub log_action {
    my ($header) = @_;
    my ($action, $query) = ($header // '') =~ /^(\w+)\?(.*)$/ or return;
    my %values = map { my ($name, $value) = split(/=/, $_, 2); $value =~ tr/+/ /; ($name, un_urlize($value)) }
        grep { /=/ } split(/&/, $query);
    webmin_log($action, 'mail', $values{'domain'} // $values{'owner'}, \%values);
}

# print_page(&answer, &viewer, method) Prints a page inside the panel's. The body is read completely before: half a list of
# mailboxes would look like a whole one.
sub print_page {
    my ($answer, $viewer, $method) = @_;
    my $body = read_body($answer);
    if (!defined($body)) {
        return print_error('502 Bad Gateway', 'bridge_broken', 'the app broke off a page', remedy());
    }
    begin_page("$answer->{'status'} $answer->{'reason'}");
    print_headers($answer, @page_headers);
    if ($method eq 'HEAD') {
        print "Content-Type: text/html; charset=UTF-8\r\n\r\n";
        return;
    }
    my ($title, $subtitle) = map { defined($_) ? html_escape(un_urlize($_)) : undef } @{ $answer->{'headers'} }{qw(mail-setup-title mail-setup-subtitle)};
    ui_print_header($subtitle, $title, '', header_options($answer->{'headers'}->{'mail-setup-help'}));
    print_setup_report() if $method eq 'GET' && $viewer->{'role'} eq 'master-admin';
    print $body;
    ui_print_footer(return_links(requested_path()));
}

# print_document(&answer) Prints a document or a file as it is. If its length is not known yet, it is sent in chunks while the
# app makes it; to a browser that does not accept chunks, after it was read completely. Either way the browser notices if it
# breaks off.
sub print_document {
    my ($answer) = @_;
    my $status = "$answer->{'status'} $answer->{'reason'}";
    if (defined($answer->{'headers'}->{'content-length'}) || $answer->{'complete'}) {
        begin_document($status);
        print_headers($answer, @document_headers);
        print "\r\n";
        copy_body($answer, sub { print $_[0] });
    }
    elsif (accepts_chunks()) {
        begin_document($status, '1.1');
        print_headers($answer, @document_headers);
        print "Transfer-Encoding: chunked\r\n\r\n";
        copy_body($answer, sub { print sprintf("%x\r\n", length($_[0])) . $_[0] . "\r\n" });
        print "0\r\n\r\n" if $answer->{'complete'};
    }
    else {
        print_spooled_document($answer, $status);
    }
}

# print_spooled_document(&answer, status) Reads a document into a temporary file, and prints it with its length.
sub print_spooled_document {
    my ($answer, $status) = @_;
    my $file = spool_body($answer);
    if (!$file) {
        return if browser_left();
        my $reason = $answer->{'broken'} ? 'the app broke off a file' : "no room for a file in a temporary folder: $!";
        return print_error('502 Bad Gateway', 'bridge_broken', $reason, remedy());
    }
    begin_document($status);
    print_headers($answer, @document_headers);
    print 'Content-Length: ', -s $file, "\r\n\r\n";
    while (read($file, my $bytes, $read_size)) { print $bytes }
}

# spool_body(&answer) Returns the complete body in a file without a name, which disappears with this process; nothing if the
# body broke off, the browser left or the disk is full.
sub spool_body {
    my ($answer) = @_;
    open(my $file, '+>:raw', undef) or return;
    my $size = 0;
    while (!browser_left() && defined(my $bytes = next_bytes($answer))) {
        print {$file} $bytes or return;
        $size += length($bytes);
    }
    return if !$answer->{'complete'} || !$file->flush() || -s $file != $size;
    seek($file, 0, 0);
    return $file;
}

# copy_body(&answer, print) Passes the body of an answer to a function, piece by piece, while the browser is there. When the
# browser leaves, the connection to the app is closed, which ends the app's work.
sub copy_body {
    my ($answer, $print) = @_;
    binmode(STDOUT) if !tied(*STDOUT);
    local $| = 1;
    local $SIG{'PIPE'} = 'IGNORE';
    while (!browser_left() && defined(my $bytes = next_bytes($answer))) { $print->($bytes) }
}

# print_headers(&answer, name, ...) Prints those of the named headers that an answer has.
sub print_headers {
    my ($answer, @names) = @_;
    for my $name (@names) {
        my $value = $answer->{'headers'}->{$name};
        next if !defined($value) || $value =~ /[\r\n]/;
        print join('-', map { ucfirst } split(/-/, $name)), ": $value\r\n";
    }
}

# print_error(status, key, reason, help, command) Prints the text of a key in the panel, or as JSON if JSON was requested.
# help and command, which may be left out, are the key of a text that says what to do, and the command for it. The reason
# goes to Webmin's error log.
sub print_error {
    my ($status, $key, $reason, $help, $command) = @_;
    print STDERR "$module_name: $reason\n";
    begin_page($status);
    if (requested_path() =~ /^[^?]*\.json(?:\?|$)/) {
        print "Content-Type: application/json; charset=utf-8\r\n\r\n",
            json_bytes({ 'error' => { 'code' => $key =~ tr/_/-/r, 'message' => $text{$key} } });
        return;
    }
    ui_print_header(undef, $text{'index_title'}, '', header_options('error'));
    print '<p><b>', html_escape($text{$key}), "</b></p>\n";
    print '<p>', html_escape($text{$help}), "</p>\n" if defined($help);
    print '<pre>', html_escape($command), "</pre>\n" if defined($command);
    ui_print_footer('/', $text{'index'});
    return;
}

1;
