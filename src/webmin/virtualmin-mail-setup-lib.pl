# What the module's programs share: who is looking, and the way to the app and back.
# No mail logic is here: what a mailbox needs is decided by the app.
use strict;
use warnings;

BEGIN { push(@INC, '..') }
use WebminCore;
use Digest::SHA ();
use File::Basename qw(dirname);
use IO::Socket::UNIX;

our (%text, %config, $module_name, $module_config_directory, $config_directory, $remote_user, $current_lang);
init_config();
require(dirname(__FILE__) . '/facts-lib.pl');

# What a master admin may keep a user of the module from, in its access control.
our @permissions = qw(see print check);

# Bytes of a form that are taken: thousands of mailboxes can be ticked, and a logo sent.
my $most_bytes = 5 * 1024 * 1024;

# Bytes that are handed on at a time.
my $piece = 64 * 1024;

# Headers that go to the app, as CGI has them. Nothing else of the browser does: least of all one of ours.
my %asked = (
    'Accept-Language'   => 'HTTP_ACCEPT_LANGUAGE',
    'If-None-Match'     => 'HTTP_IF_NONE_MATCH',
    'If-Modified-Since' => 'HTTP_IF_MODIFIED_SINCE',
    'Content-Type'      => 'CONTENT_TYPE',
);

# Headers of a whole document or a file that go to the browser.
my @handed_on = qw(
    cache-control content-disposition content-length content-security-policy content-type etag
    last-modified location permissions-policy referrer-policy retry-after x-content-type-options
    x-frame-options
);

# socket_path() Returns where the app listens.
sub socket_path {
    return $config{'socket'} || '/run/virtualmin-mail-setup.sock';
}

# viewer() Returns who is looking, as the app takes it: a hash reference.
sub viewer {
    foreign_require('virtual-server', 'virtual-server-lib.pl');
    my $module = get_webprefix_of_module();
    my %viewer = (
        'user'   => $remote_user,
        'pages'  => "$module/index.cgi",
        'assets' => "$module/assets",
        'may'    => [ granted() ],
        'token'  => form_token(),
        'language' => $current_lang // '',
    );
    if (virtual_server::master_admin()) {
        return { %viewer, 'role' => 'master-admin', 'domains' => '*' };
    }
    my @domains = grep { virtual_server::can_edit_domain($_) && virtual_server::can_edit_users($_) }
        virtual_server::list_domains();
    my $role = virtual_server::reseller_admin() ? 'reseller'
        : virtual_server::extra_admin() ? 'extra-admin'
        : 'domain-owner';
    return { %viewer, 'role' => $role, 'domains' => [ map { $_->{'dom'} } @domains ] };
}

# granted() Returns what of @permissions whoever is looking has.
sub granted {
    my %access = get_module_acl();
    return grep { $access{$_} } @permissions;
}

# form_token() Returns what a form has to bring along: another for each login, and nothing that could be guessed.
sub form_token {
    return Digest::SHA::hmac_sha256_hex(join("\n", $remote_user, $ENV{'SESSION_ID'} // ''), secret());
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
    return $uri =~ m{^/} ? $uri : "/$uri";
}

# answer_request() Hands the request to the app and prints what it answers.
sub answer_request {
    my $app = connect_app() or return;
    send_request($app);
    my ($status, $headers) = read_head($app);
    if (!defined($status)) {
        close($app);
        return show_trouble('bridge_no_answer', 'the app closed the connection without an answer');
    }
    log_action($headers->{'mail-setup-action'}) if $status < 400;
    if (defined($headers->{'mail-setup-title'})) {
        print_page($app, $status, $headers);
    }
    else {
        print_document($app, $status, $headers);
    }
    close($app);
}

# connect_app() Returns a connection to the app; where there is none it says so, and returns nothing.
sub connect_app {
    my $path = socket_path();
    my $app = IO::Socket::UNIX->new('Type' => SOCK_STREAM(), 'Peer' => $path);
    return $app if $app;
    show_trouble('bridge_not_running', "$path: $!");
    return;
}

# show_trouble(text, reason) Says in the panel that the app is not there and what helps; the reason goes to Webmin's log.
sub show_trouble {
    my ($key, $reason) = @_;
    print STDERR "$module_name: $reason\n";
    my ($help, $command) = remedy();
    ui_print_header(undef, $text{'index_title'}, '', 'intro', 1, 1);
    print '<p><b>', html_escape($text{$key}), "</b></p>\n";
    print '<p>', html_escape($text{$help}), "</p>\n";
    print '<pre>', html_escape($command), "</pre>\n";
    ui_print_footer('/', $text{'index'});
    return;
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

# send_request(app) Writes the request, with the viewer that the panel knows and a body of known length.
sub send_request {
    my ($app) = @_;
    my $method = ($ENV{'REQUEST_METHOD'} || 'GET') =~ /^([A-Z]+)$/ ? $1 : 'GET';
    my @lines = (
        "$method " . requested() . ' HTTP/1.0',
        'Host: localhost',
        'Mail-Setup-Viewer: ' . header_value(viewer()),
        'Mail-Setup-Panel: ' . header_value(facts($config_directory, dirname(__FILE__))),
    );
    for my $name (sort keys %asked) {
        my $value = $ENV{ $asked{$name} };
        next if !defined($value) || $value =~ /[\r\n]/;
        push(@lines, "$name: $value");
    }
    my $length = ($ENV{'CONTENT_LENGTH'} || 0) =~ /^(\d+)$/ ? $1 : 0;
    $length = 0 if $length > $most_bytes;
    push(@lines, "Content-Length: $length") if $method ne 'GET' && $method ne 'HEAD';
    local $SIG{'PIPE'} = 'IGNORE';
    print {$app} join("\r\n", @lines), "\r\n\r\n";
    binmode(STDIN);
    while ($length > 0) {
        my $read = read(STDIN, my $bytes, $length < $piece ? $length : $piece);
        last if !$read;
        print {$app} $bytes or last;
        $length -= $read;
    }
    $app->flush();
}

# read_head(app) Returns the status and a reference to the headers, by lower-case name; nothing where there is no answer.
sub read_head {
    my ($app) = @_;
    my $first = <$app>;
    return if !defined($first) || $first !~ m{^HTTP/1\.[01] (\d{3})};
    my $status = $1;
    my %headers;
    while (defined(my $line = <$app>)) {
        $line =~ s/[\r\n]+$//;
        last if $line eq '';
        my ($name, $value) = split(/:\s*/, $line, 2);
        $headers{ lc($name) } = $value // '';
    }
    return ($status, \%headers);
}

# log_action(header) Writes what the app says that it does into Webmin's log of actions.
sub log_action {
    my ($header) = @_;
    my ($action, $query) = ($header // '') =~ /^(\w+)\?(.*)$/ or return;
    my %values = map { my ($name, $value) = split(/=/, $_, 2); $value =~ tr/+/ /; ($name, un_urlize($value)) }
        grep { /=/ } split(/&/, $query);
    webmin_log($action, 'mail', $values{'domain'} // $values{'owner'}, \%values);
}

# print_page(app, status, headers) Prints what stands inside the panel's page, with the panel around it.
sub print_page {
    my ($app, $status, $headers) = @_;
    my $title = un_urlize($headers->{'mail-setup-title'});
    print "Status: $status\r\n" if $status != 200;
    ui_print_header(undef, html_escape($title), '', 'intro', 1, 1);
    print_setup_report() if ($ENV{'REQUEST_METHOD'} // '') eq 'GET';
    copy_body($app);
    ui_print_footer('/', $text{'index'});
}

# print_setup_report() Tells a master admin what of the set-up failed, while it is so.
sub print_setup_report {
    my $path = "$module_config_directory/setup-report";
    return if !-s $path || !virtual_server::master_admin();
    open(my $file, '<', $path) or return;
    print '<p><b>', html_escape($text{'setup_incomplete'}), "</b></p>\n<ul>\n";
    print '<li>', html_escape($_), "</li>\n" for map { s/\s+$//r } <$file>;
    print "</ul>\n<pre>virtualmin repair-mail-setup</pre>\n";
}

# print_document(app, status, headers) Prints a whole document or a file as it is, while it is made.
sub print_document {
    my ($app, $status, $headers) = @_;
    print "Status: $status\r\n" if $status != 200;
    for my $name (@handed_on) {
        my $value = $headers->{$name};
        next if !defined($value) || $value =~ /[\r\n]/;
        print join('-', map { ucfirst } split(/-/, $name)), ": $value\r\n";
    }
    print "\r\n";
    copy_body($app);
}

# copy_body(app) Prints the rest of an answer piece by piece. A browser that has left ends it, and with it the app's work.
sub copy_body {
    my ($app) = @_;
    binmode(STDOUT);
    local $| = 1;
    local $SIG{'PIPE'} = 'IGNORE';
    while (read($app, my $bytes, $piece)) {
        print $bytes or last;
    }
}

1;
