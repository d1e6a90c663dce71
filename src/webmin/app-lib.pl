# The HTTP client for the app's Unix socket: one HTTP/1.1 request, and an answer that is known to be complete or not.
# It needs nothing of Webmin's library, so that commands can use it.
use strict;
use warnings;
use Errno ();
use IO::Socket::UNIX;
use JSON::PP ();
use MIME::Base64 ();

# Bytes of an answer per read.
my $read_size = 256 * 1024;

# header_value(value) Returns a value as it is sent in a header: JSON in Base64.
sub header_value {
    my ($value) = @_;
    return MIME::Base64::encode_base64(json_bytes($value), '');
}

# json_bytes(value) Returns a value as JSON, as bytes. Webmin reads files without decoding them: their text is UTF-8 already.
sub json_bytes {
    my ($value) = @_;
    my $json = JSON::PP->new->canonical->encode(as_bytes($value));
    # MiniServ sends Perl's internal form of a string over TLS.
    utf8::downgrade($json);
    return $json;
}

# as_bytes(value) Returns a copy of a value in which decoded text is encoded as UTF-8.
sub as_bytes {
    my ($value) = @_;
    return { map { $_ => as_bytes($value->{$_}) } keys %$value } if ref($value) eq 'HASH';
    return [ map { as_bytes($_) } @$value ] if ref($value) eq 'ARRAY';
    utf8::encode($value) if utf8::is_utf8($value);
    return $value;
}

# send_request_head(app, method, path, headers) Writes the head of a request; headers are array references of name and value.
# HTTP/1.1, since the end of an HTTP/1.0 answer without a length looks like a broken connection.
sub send_request_head {
    my ($app, $method, $path, @headers) = @_;
    my @lines = map { "$_->[0]: $_->[1]" } [ 'Host', 'localhost' ], [ 'Connection', 'close' ], @headers;
    print {$app} join("\r\n", "$method $path HTTP/1.1", @lines), "\r\n\r\n";
}

# read_answer(app, method, gave-up) Reads the head of the answer to a request of that method. Returns a hash reference:
# status, reason, headers by lower-case name, and what next_bytes needs; nothing if there is no answer. While no data
# arrives, the optional function gave-up is called each second; a true value ends the waiting.
sub read_answer {
    my ($app, $method, $gave_up) = @_;
    my %answer = ('app' => $app, 'gave_up' => $gave_up, 'buffer' => '', 'headers' => {}, 'complete' => 0);
    while ($answer{'buffer'} !~ /\r\n\r\n/) {
        return if length($answer{'buffer'}) > $read_size || !fill_buffer(\%answer);
    }
    my ($head, $rest) = split(/\r\n\r\n/, $answer{'buffer'}, 2);
    my ($first, @lines) = split(/\r\n/, $head);
    return if $first !~ m{^HTTP/1\.[01] (\d{3}) ?(.*)};
    @answer{qw(status reason buffer)} = ($1, $2, $rest);
    for my $line (@lines) {
        my ($name, $value) = split(/:\s*/, $line, 2);
        $answer{'headers'}->{ lc($name) } = $value // '';
    }
    my $headers = $answer{'headers'};
    # RFC 9112, 6.3: these have no body, whatever their headers say.
    my $no_body = $method eq 'HEAD' || $answer{'status'} =~ /^(1..|204|304)$/;
    $answer{'chunked'}  = !$no_body && ($headers->{'transfer-encoding'} // '') =~ /\bchunked$/i;
    $answer{'left'}     = $no_body || $answer{'chunked'} ? 0 : $headers->{'content-length'};
    $answer{'complete'} = !$answer{'chunked'} && defined($answer{'left'}) && $answer{'left'} == 0;
    return \%answer;
}

# fill_buffer(&answer) Appends the data that has arrived to the buffer, at least a byte. Returns how many bytes; 0 at the end
# of the connection, and if the waiting was given up.
sub fill_buffer {
    my ($answer) = @_;
    while (1) {
        if ($answer->{'gave_up'}) {
            vec(my $readable = '', fileno($answer->{'app'}), 1) = 1;
            if (!select($readable, undef, undef, 1)) {
                return 0 if $answer->{'gave_up'}->();
                next;
            }
        }
        my $read = sysread($answer->{'app'}, $answer->{'buffer'}, $read_size, length($answer->{'buffer'}));
        return $read || 0 if defined($read) || !$!{'EINTR'};
    }
}

# next_bytes(&answer) Returns the next bytes of the body that have arrived; nothing at its end. After that
# $answer->{complete} is true if the body arrived completely, and $answer->{broken} if it did not.
sub next_bytes {
    my ($answer) = @_;
    return if $answer->{'complete'} || $answer->{'broken'};
    return next_chunks($answer) if $answer->{'chunked'};
    # Neither a length nor chunks: its end could not be told from a broken connection.
    return mark_broken($answer) if !defined($answer->{'left'});
    return mark_broken($answer) if $answer->{'buffer'} eq '' && !fill_buffer($answer);
    my $bytes = take_from_buffer($answer);
    $answer->{'complete'} = 1 if $answer->{'left'} == 0;
    return $bytes;
}

# next_chunks(&answer) Returns the content of the chunks that have arrived (RFC 9112, 7.1), or of a part of one; nothing at
# the end of the body.
sub next_chunks {
    my ($answer) = @_;
    my $bytes = '';
    while (length($bytes) < $read_size) {
        # Waits for data only if there is none to return yet.
        my $may_wait = $bytes eq '';
        if (!$answer->{'left'}) {
            my $length = next_chunk_length($answer, $may_wait);
            return $may_wait ? mark_broken($answer) : $bytes if !defined($length);
            if ($length == 0) {
                return mark_broken($answer) if !skip_trailers($answer);
                $answer->{'complete'} = 1;
                return $may_wait ? undef : $bytes;
            }
            $answer->{'left'} = $length;
        }
        if ($answer->{'buffer'} eq '') {
            return $bytes if !$may_wait;
            fill_buffer($answer) or return mark_broken($answer);
        }
        $bytes .= take_from_buffer($answer);
    }
    return $bytes;
}

# next_chunk_length(&answer, may-wait) Removes the end of the chunk before and the length of the next one from the buffer.
# Returns the length; nothing if it has not arrived completely or is not valid.
sub next_chunk_length {
    my ($answer, $may_wait) = @_;
    while (1) {
        return hex($1) if $answer->{'buffer'} =~ s/\A(?:\r\n)?([0-9a-fA-F]{1,8})(?:;[^\n]*)?\r\n//;
        return if !$may_wait || length($answer->{'buffer'}) > 1000 || !fill_buffer($answer);
    }
}

# skip_trailers(&answer) Reads the trailers, of which the app sends none, and the empty line. Returns whether they arrived.
sub skip_trailers {
    my ($answer) = @_;
    while ($answer->{'buffer'} !~ /\A(?:[^\r\n]+\r\n)*\r\n/) { fill_buffer($answer) or return 0 }
    return 1;
}

# take_from_buffer(&answer) Removes and returns what the buffer has of the current chunk or body.
sub take_from_buffer {
    my ($answer) = @_;
    my $bytes = substr($answer->{'buffer'}, 0, $answer->{'left'}, '');
    $answer->{'left'} -= length($bytes);
    return $bytes;
}

# mark_broken(&answer) Notes that the body is not complete; returns nothing.
sub mark_broken {
    my ($answer) = @_;
    $answer->{'broken'} = 1;
    return;
}

# read_body(&answer) Returns the complete body; nothing if it broke off.
sub read_body {
    my ($answer) = @_;
    my $body = '';
    while (defined(my $bytes = next_bytes($answer))) { $body .= $bytes }
    return $answer->{'complete'} ? $body : undef;
}

# root_viewer() Returns the viewer of a command: only root can connect to the socket.
sub root_viewer {
    return {
        'user' => 'root', 'role' => 'master-admin', 'domains' => '*', 'may' => [qw(see print check)],
        'pages' => '/', 'assets' => '/', 'token' => '0' x 32,
    };
}

# get_json(socket, path, facts) Requests JSON from the app as root. Returns the value; or undef, the error message, and the
# error's code if the app sent one.
sub get_json {
    my ($socket, $path, $facts) = @_;
    my ($body, @problem) = get_text($socket, $path, $facts);
    return defined($body) ? json_value($body) : (undef, @problem);
}

# json_value(body) Returns the value of an answer in JSON; or undef, the error message, and the error's code if the app sent
# one.
sub json_value {
    my ($body) = @_;
    my $value = eval { JSON::PP->new->utf8->decode($body) };
    return (undef, 'The service sent an answer that is not valid JSON') if !$value;
    return (undef, $value->{'error'}->{'message'}, $value->{'error'}->{'code'}) if ref($value) eq 'HASH' && $value->{'error'};
    return ($value);
}

# get_text(socket, path, facts) Requests a text from the app as root. Returns it; or undef, the error message, and the error's
# code if the app sent one.
sub get_text {
    my ($socket, $path, $facts) = @_;
    my $app = IO::Socket::UNIX->new('Peer' => $socket)
        or return (undef, "The service does not answer on $socket: $!");
    local $SIG{'PIPE'} = 'IGNORE';
    send_request_head($app, 'GET', $path, [ 'Mail-Setup-Viewer', header_value(root_viewer()) ],
        [ 'Mail-Setup-Panel', header_value($facts) ]);
    $app->flush();
    my $answer = read_answer($app, 'GET');
    my $body   = $answer ? read_body($answer) : undef;
    return (undef, 'The service did not send a complete answer') if !defined($body);
    return $body if $answer->{'status'} eq '200';
    my (undef, $problem, $code) = json_value($body);
    return (undef, $problem // "The service answers with status $answer->{'status'}", $code);
}

1;
