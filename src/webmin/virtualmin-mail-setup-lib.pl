# What the module's programs share: who is looking, and the way to the app and back.
# No mail logic is here: what a mailbox needs is decided by the app.
use strict;
use warnings;

BEGIN { push(@INC, '..') }
use WebminCore;
use Digest::SHA ();
use File::Basename qw(dirname);
use IO::Socket::UNIX;
use Socket ();

our (%text, %config, $module_name, $module_config_directory, $config_directory, $remote_user, $current_lang);
init_config();
require(dirname(__FILE__) . '/facts-lib.pl');
require(dirname(__FILE__) . '/app-lib.pl');

# What a master admin may keep a user of the module from, in its access control.
our @permissions = qw(see print check);

# Bytes of a form that are taken: thousands of mailboxes can be ticked, and a logo sent.
my $most_bytes = 5 * 1024 * 1024;

# Bytes of a form that are read to its end although they are too many, so that the browser gets to read why.
my $most_passed_over = 20 * $most_bytes;

# Bytes of a form that are handed on at a time.
my $piece = 64 * 1024;

# TCP_INFO of linux/tcp.h, which Perl's Socket does not have.
my $tcp_info = 11;

# Headers that go to the app, as CGI has them. Nothing else of the browser does: least of all one of ours.
my %asked = (
    'Accept-Language'   => 'HTTP_ACCEPT_LANGUAGE',
    'If-None-Match'     => 'HTTP_IF_NONE_MATCH',
    'If-Modified-Since' => 'HTTP_IF_MODIFIED_SINCE',
    'Content-Type'      => 'CONTENT_TYPE',
);

# Headers of a whole document or a file that go to the browser.
my @handed_on = qw(
    date cache-control content-disposition content-length content-security-policy content-type etag
    last-modified location permissions-policy referrer-policy retry-after x-content-type-options
    x-frame-options
);

# Headers of a page inside the panel's that go to the browser; the panel sets the others.
my @handed_on_with_page = qw(retry-after);

# socket_path() Returns where the app listens.
sub socket_path {
    return $config{'socket'} || '/run/virtualmin-mail-setup.sock';
}

# viewer() Returns who is looking, as the app takes it: a hash reference.
sub viewer {
    my $module = get_webprefix_of_module();
    my %viewer = (
        'user'   => $remote_user,
        'pages'  => "$module/index.cgi",
        'assets' => "$module/assets",
        'may'    => [ granted() ],
        'token'  => form_token(),
        'language' => $current_lang // '',
    );
    # Virtualmin's default for somebody who is not its user at all is a master admin.
    return { %viewer, 'role' => 'domain-owner', 'domains' => [] } if !foreign_available('virtual-server');
    # As its master_admin() does; its library takes longer to load than all the rest of a page.
    my %access = get_module_acl(undef, 'virtual-server');
    return { %viewer, 'role' => 'master-admin', 'domains' => '*' } if !$access{'noconfig'};
    foreign_require('virtual-server', 'virtual-server-lib.pl');
    my @domains = grep { virtual_server::can_edit_domain($_) && virtual_server::can_edit_users($_) } candidates(\%access);
    my $role = virtual_server::reseller_admin() ? 'reseller'
        : virtual_server::extra_admin() ? 'extra-admin'
        : 'domain-owner';
    return { %viewer, 'role' => $role, 'domains' => [ map { $_->{'dom'} } @domains ] };
}

# candidates(&access) Returns the domains that somebody with this access to Virtualmin could manage, as hash references of
# what can_edit_domain() and we need: of thousands of domains not one file each is read for them.
sub candidates {
    my ($access) = @_;
    return mapped_domains() if $access->{'reseller'};
    return virtual_server::list_domains() if ($access->{'domains'} // '') !~ /^[\d ]*$/;
    return grep { defined } map { virtual_server::get_domain($_) } split(' ', $access->{'domains'});
}

# mapped_domains() Returns every domain with its id, dom, parent and reseller, from the files in which Virtualmin keeps them
# to find domains by one of these (get_domain_by); every domain as it is where there are no such files.
sub mapped_domains {
    my %domains;
    for my $key (qw(dom parent reseller)) {
        my %ids;
        read_file($virtual_server::get_domain_by_maps{$key}, \%ids) or return virtual_server::list_domains();
        for my $value (keys %ids) { $domains{$_}->{$key} = $value for split(' ', $ids{$value}) }
    }
    return map { { %{ $domains{$_} }, 'id' => $_ } } grep { defined($domains{$_}->{'dom'}) } keys %domains;
}

# granted() Returns what of @permissions the viewer has.
sub granted {
    my %access = get_module_acl();
    return grep { $access{$_} } @permissions;
}

# template_allows(&domain) Returns whether the template of a domain lets its owner have the module: 1 where it says
# nothing of it. The library of Virtualmin has to be loaded.
sub template_allows {
    my ($d) = @_;
    my $list = (virtual_server::get_template($d->{'template'}) || {})->{'avail'};
    $list = virtual_server::get_template(0)->{'avail'} if ($list // '') eq '';
    return listed($list) // 1;
}

# listed(list) Returns what a list of modules, as Virtualmin keeps it ("mail=1 dns=0"), says of this one: 1 or 0; undef
# where it says nothing.
sub listed {
    my ($list) = @_;
    return if ($list // '') !~ /(?:^| )\Q$module_name\E=(\S+)/;
    return $1 eq '0' ? 0 : 1;
}

# form_token() Returns what a form has to bring along: another for each login, and nothing that could be guessed.
sub form_token {
    no warnings 'once';
    # init_config() has taken it out of the environment.
    return Digest::SHA::hmac_sha256_hex(join("\n", $remote_user, $main::session_id // ''), secret());
}

# secret() Returns the secret behind the tokens of forms; it is made when there is none.
sub secret {
    my $path = "$module_config_directory/form-secret";
    if (open(my $file, '<', $path)) {
        my $secret = <$file>;
        return $secret if defined($secret) && length($secret) == 64;
    }
    my $secret = random_hex(32);
    write_secret($path, $secret);
    return $secret;
}

# get_webprefix_of_module() Returns the address of this module, behind whatever the panel is behind.
sub get_webprefix_of_module {
    return get_webprefix() . "/$module_name";
}

# requested() Returns what of the address is the app's: the path as it was sent, and the query.
# PATH_INFO would not do: it is decoded, and a login may hold a percent sign or a slash.
sub requested {
    my $uri = $ENV{'REQUEST_URI'} // '';
    $uri =~ s{^[^?]*?/index\.cgi}{} or return '/';
    $uri =~ s/[\x00-\x20\x7f-\xff]//g;
    # What Authentic adds to the address of a page that it loads.
    my ($path, $query) = split(/\?/, $uri, 2);
    my @own = grep { !/^(?:xnavigation|_pjax|_)=/ } split(/&/, $query // '');
    $uri = join('?', $path // '', @own ? join('&', @own) : ());
    return $uri =~ m{^/} ? $uri : "/$uri";
}

# answer_request() Hands the request to the app and prints what it answers.
sub answer_request {
    my $method = ($ENV{'REQUEST_METHOD'} || 'GET') =~ /^([A-Z]+)$/ ? $1 : 'GET';
    my $length = ($ENV{'CONTENT_LENGTH'} || 0) =~ /^(\d{1,15})$/ ? $1 : 0;
    # The menu of Authentic asks for a page like this. A form of ours always has something in it: its token.
    $method = 'GET' if $method eq 'POST' && $length == 0;
    if ($length > $most_bytes) {
        pass_over($length);
        return show_error('413 Content Too Large', 'bridge_too_large', "$length bytes are too many for a form");
    }
    my $app = IO::Socket::UNIX->new('Type' => SOCK_STREAM(), 'Peer' => socket_path());
    return show_error('503 Service Unavailable', 'bridge_not_running', socket_path() . ": $!", remedy()) if !$app;
    my $viewer = viewer();
    my $answer;
    {
        # The app may have answered before it has read everything.
        local $SIG{'PIPE'} = 'IGNORE';
        send_request($app, $method, $length, $viewer);
        $answer = read_answer($app, $method, \&browser_left);
    }
    if (!$answer) {
        return if browser_left();
        return show_error('502 Bad Gateway', 'bridge_no_answer', 'the app closed the connection without an answer', remedy());
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

# pass_over(length) Reads a form that is too large, and forgets it.
sub pass_over {
    my ($length) = @_;
    my $left = $length < $most_passed_over ? $length : $most_passed_over;
    while ($left > 0) {
        my $read = read(STDIN, my $bytes, $left < $piece ? $left : $piece);
        last if !$read;
        $left -= $read;
    }
}

# show_error(status, text, reason, help, command) Says in the panel, or in JSON where that was asked for, why there is no
# answer, and what helps where something does. The reason goes to Webmin's log.
sub show_error {
    my ($status, $key, $reason, $help, $command) = @_;
    print STDERR "$module_name: $reason\n";
    begin_page($status);
    if (requested() =~ /^[^?]*\.json(?:\?|$)/) {
        print "Content-Type: application/json; charset=utf-8\r\n\r\n",
            JSON::PP->new->utf8->canonical->encode({ 'error' => { 'code' => $key =~ tr/_/-/r, 'message' => $text{$key} } });
        return;
    }
    ui_print_header(undef, $text{'index_title'}, '', 'intro', 1, 1);
    print '<p><b>', html_escape($text{$key}), "</b></p>\n";
    print '<p>', html_escape($text{$help}), "</p>\n<pre>", html_escape($command), "</pre>\n" if defined($help);
    ui_print_footer('/', $text{'index'});
    return;
}

# begin_page(status) Has the panel's page go out with a status: a number and its reason. MiniServ begins every answer with
# "200 Document follows", and passes "Status:" on as a header of that name. It runs a CGI in its own process, and takes the
# status from these variables when the page's headers are complete. With forkcgis=1 there is no way to a status.
sub begin_page {
    my ($status) = @_;
    # Authentic shows nothing of a page with a status of an error that it has loaded, and leaves the page before as it was.
    return print "Status: $status\r\n" if $ENV{'HTTP_X_PJAX'} && $status =~ /^[45]/ && set_status('200 OK');
    return if set_status($status);
    print "Status: $status\r\n" if $status !~ /^200/;
}

# begin_document(status, version) Prints the status line of a document, whose headers are all from here: with $nph_script
# MiniServ prints what it gets as it is, as for a CGI whose name begins with nph-. That name would not do: until here Webmin
# may have had an answer of its own to give, which has no status line.
sub begin_document {
    my ($status, $version) = @_;
    return begin_page($status) if !set_status($status);
    no warnings 'once';
    $miniserv::nph_script = 1;
    print 'HTTP/' . ($version // '1.0') . " $status\r\nConnection: close\r\n";
}

# set_status(status) Tells MiniServ the status of this answer, for its head and for its log; returns whether it could.
sub set_status {
    my ($status) = @_;
    return 0 if !in_miniserv();
    no warnings 'once';
    ($miniserv::ok_code, $miniserv::ok_message) = $status =~ /^(\d+) ?(.*)/;
    return 1;
}

# in_miniserv() Returns whether this runs in MiniServ's own process, with its socket behind STDIN and STDOUT.
sub in_miniserv {
    return ref(tied(*STDOUT)) eq 'miniserv';
}

# takes_chunks() Returns whether the browser, or the proxy before it, takes a body in chunks: from HTTP/1.1 on. In
# SERVER_PROTOCOL MiniServ says HTTP/1.0 whatever it was.
sub takes_chunks {
    no warnings 'once';
    return in_miniserv() && ($miniserv::reqline // '') =~ m{ HTTP/1\.1\s*$};
}

# remedy() Returns the text that says what helps on this system, and the command for it.
sub remedy {
    my $trouble = node_trouble();
    return ($trouble, node_command()) if $trouble;
    return ('bridge_systemd', 'virtualmin repair-mail-setup; journalctl -u virtualmin-mail-setup -n 20')
        if -d '/run/systemd/system';
    my $server = module_root_directory($module_name) . '/app/server.mjs';
    return ('bridge_by_hand', 'SOCKET_PATH=' . socket_path() . " node $server");
}

# send_request(app, method, length, &viewer) Writes the request, with the viewer that the panel knows and the body.
sub send_request {
    my ($app, $method, $length, $viewer) = @_;
    my @headers = (
        [ 'Mail-Setup-Viewer', header_value($viewer) ],
        [ 'Mail-Setup-Panel', header_value(facts($config_directory, dirname(__FILE__))) ],
    );
    for my $name (sort keys %asked) {
        my $value = $ENV{ $asked{$name} };
        # Authentic sends forms by itself, and calls them this.
        $value = 'application/x-www-form-urlencoded' if $name eq 'Content-Type' && ($value // '') =~ m{^text/plain} && $ENV{'HTTP_X_PJAX'};
        push(@headers, [ $name, $value ]) if defined($value) && $value !~ /[\r\n]/;
    }
    push(@headers, [ 'Content-Length', $length ]) if $method ne 'GET' && $method ne 'HEAD';
    send_head($app, $method, requested(), @headers);
    # MiniServ's handle has no binmode, and needs none.
    binmode(STDIN) if !tied(*STDIN);
    while ($length > 0) {
        my $read = read(STDIN, my $bytes, $length < $piece ? $length : $piece);
        last if !$read;
        print {$app} $bytes or last;
        $length -= $read;
    }
    $app->flush();
}

# log_action(header) Writes what the app says that it does into Webmin's log of actions.
sub log_action {
    my ($header) = @_;
    my ($action, $query) = ($header // '') =~ /^(\w+)\?(.*)$/ or return;
    my %values = map { my ($name, $value) = split(/=/, $_, 2); $value =~ tr/+/ /; ($name, un_urlize($value)) }
        grep { /=/ } split(/&/, $query);
    webmin_log($action, 'mail', $values{'domain'} // $values{'owner'}, \%values);
}

# print_page(&answer, &viewer, method) Prints what stands inside the panel's page, with the panel around it. It is read to its end
# first: half a list of mailboxes would look like a whole one.
sub print_page {
    my ($answer, $viewer, $method) = @_;
    my $body = body_of($answer);
    if (!defined($body)) {
        return show_error('502 Bad Gateway', 'bridge_broken', 'the app broke off a page', remedy());
    }
    begin_page("$answer->{'status'} $answer->{'reason'}");
    print_headers($answer, @handed_on_with_page);
    if ($method eq 'HEAD') {
        print "Content-Type: text/html; charset=UTF-8\r\n\r\n";
        return;
    }
    ui_print_header(undef, html_escape(un_urlize($answer->{'headers'}->{'mail-setup-title'})), '', 'intro', 1, 1);
    print_setup_report() if $method eq 'GET' && $viewer->{'role'} eq 'master-admin';
    print $body;
    ui_print_footer('/', $text{'index'});
}

# print_setup_report() Says what of the set-up failed, while it is so.
sub print_setup_report {
    my $path = "$module_config_directory/setup-report";
    return if !-s $path;
    open(my $file, '<', $path) or return;
    print '<p><b>', html_escape($text{'setup_incomplete'}), "</b></p>\n<ul>\n";
    print '<li>', html_escape($_), "</li>\n" for map { s/\s+$//r } <$file>;
    print "</ul>\n<pre>virtualmin repair-mail-setup</pre>\n";
}

# print_document(&answer) Prints a whole document or a file as it is. Where its length is not known yet it goes in chunks
# while it is made, or where the browser takes none, once it is there: one that breaks off is never taken for a whole one.
sub print_document {
    my ($answer) = @_;
    my $status = "$answer->{'status'} $answer->{'reason'}";
    my $length = $answer->{'headers'}->{'content-length'};
    if (defined($length) || $answer->{'whole'}) {
        begin_document($status);
        print_headers($answer, @handed_on);
        print "\r\n";
        copy_body($answer, sub { print $_[0] });
        return;
    }
    if (takes_chunks()) {
        begin_document($status, '1.1');
        print_headers($answer, @handed_on);
        print "Transfer-Encoding: chunked\r\n\r\n";
        copy_body($answer, sub { print sprintf("%x\r\n", length($_[0])) . $_[0] . "\r\n" });
        print "0\r\n\r\n" if $answer->{'whole'};
        return;
    }
    my $kept = keep_body($answer);
    if (!$kept) {
        return if browser_left();
        my $reason = $answer->{'broken'} ? 'the app broke off a file' : "no room for a file in a temporary folder: $!";
        return show_error('502 Bad Gateway', 'bridge_broken', $reason, remedy());
    }
    begin_document($status);
    print_headers($answer, @handed_on);
    print 'Content-Length: ', -s $kept, "\r\n\r\n";
    while (read($kept, my $bytes, $piece)) { print $bytes }
}

# print_headers(&answer, name, ...) Prints those headers of an answer that are to go to the browser.
sub print_headers {
    my ($answer, @names) = @_;
    for my $name (@names) {
        my $value = $answer->{'headers'}->{$name};
        next if !defined($value) || $value =~ /[\r\n]/;
        print join('-', map { ucfirst } split(/-/, $name)), ": $value\r\n";
    }
}

# copy_body(&answer, print) Prints the body of an answer with a function, piece by piece. A browser that has left ends it,
# and with it the app's work.
sub copy_body {
    my ($answer, $print) = @_;
    binmode(STDOUT) if !tied(*STDOUT);
    local $| = 1;
    local $SIG{'PIPE'} = 'IGNORE';
    while (!browser_left() && defined(my $bytes = next_piece($answer))) { $print->($bytes) }
}

# browser_left() Returns whether the browser, or the proxy before it, has closed its connection. MiniServ's print returns
# nothing, and once a connection is broken OpenSSL does not even write, so that there is no signal either: the state of the
# connection itself tells (linux/tcp.h, tcp_info; netinet/tcp.h, TCP_CLOSE and TCP_CLOSE_WAIT).
sub browser_left {
    return 0 if !in_miniserv();
    open(my $socket, '<&', fileno(STDOUT)) or return 1;
    my $info = getsockopt($socket, Socket::IPPROTO_TCP(), $tcp_info) // return 0;
    return unpack('C', $info) =~ /^[78]$/;
}

# keep_body(&answer) Returns the whole body as a file without a name, which is gone with this process; nothing where the
# body broke off or has no room.
sub keep_body {
    my ($answer) = @_;
    open(my $file, '+>:raw', undef) or return;
    my $size = 0;
    while (!browser_left() && defined(my $bytes = next_piece($answer))) {
        print {$file} $bytes or return;
        $size += length($bytes);
    }
    return if !$answer->{'whole'} || !$file->flush() || -s $file != $size;
    seek($file, 0, 0);
    return $file;
}

1;
