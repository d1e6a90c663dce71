# The connection to the browser through MiniServ, Webmin's web server: the status of an answer, and whether the browser is
# still there. MiniServ runs a CGI in its own process, with STDIN and STDOUT tied to the browser's socket.
use strict;
use warnings;
use Socket ();

# TCP_INFO of linux/tcp.h, which Perl's Socket does not have.
my $tcp_info = 11;

# in_miniserv() Returns whether this runs in MiniServ's own process. With forkcgis=1 it does not.
sub in_miniserv {
    return ref(tied(*STDOUT)) eq 'miniserv';
}

# set_status(status) Sets the status of this answer in MiniServ, which uses it for the status line and its log. Returns
# whether it could: only in MiniServ's own process.
sub set_status {
    my ($status) = @_;
    return 0 if !in_miniserv();
    no warnings 'once';
    ($miniserv::ok_code, $miniserv::ok_message) = $status =~ /^(\d+) ?(.*)/;
    return 1;
}

# begin_page(status) Begins a page of the panel with a status: a number and its reason. MiniServ begins every answer with
# "200 Document follows" and does not interpret a "Status:" header. It reads its variables when the headers are complete.
# With forkcgis=1 there is no way to set a status.
sub begin_page {
    my ($status) = @_;
    # Authentic loads pages in the background. It does not show one whose status is an error, and keeps the old page.
    return print "Status: $status\r\n" if $ENV{'HTTP_X_PJAX'} && $status =~ /^[45]/ && set_status('200 OK');
    return if set_status($status);
    print "Status: $status\r\n" if $status !~ /^200/;
}

# begin_document(status, version) Prints the status line of a document all of whose headers come from the module: with
# $nph_script MiniServ sends what is printed unchanged, as it does for a CGI whose name begins with nph-. Such a name is not
# possible here: Webmin's own answers, which init_config() prints, have no status line.
sub begin_document {
    my ($status, $version) = @_;
    return begin_page($status) if !set_status($status);
    no warnings 'once';
    $miniserv::nph_script = 1;
    print 'HTTP/' . ($version // '1.0') . " $status\r\nConnection: close\r\n";
}

# accepts_chunks() Returns whether the browser, or the proxy in front of MiniServ, accepts a chunked body: from HTTP/1.1 on.
# SERVER_PROTOCOL is HTTP/1.0 for every request.
sub accepts_chunks {
    no warnings 'once';
    return in_miniserv() && ($miniserv::reqline // '') =~ m{ HTTP/1\.1\s*$};
}

# browser_left() Returns whether the browser, or the proxy in front of MiniServ, has closed its connection. MiniServ's print
# returns nothing, and on a broken connection OpenSSL writes nothing, so there is no SIGPIPE. The state of the connection
# tells (linux/tcp.h, tcp_info; netinet/tcp.h, TCP_CLOSE and TCP_CLOSE_WAIT).
sub browser_left {
    return 0 if !in_miniserv();
    open(my $socket, '<&', fileno(STDOUT)) or return 1;
    my $info = getsockopt($socket, Socket::IPPROTO_TCP(), $tcp_info) // return 0;
    return unpack('C', $info) =~ /^[78]$/;
}

1;
