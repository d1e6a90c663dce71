# The conversation with the app over its socket: one HTTP/1.1 request, and an answer that is known to be whole or not.
# It needs nothing of Webmin's library, so that commands can use it.
use strict;
use warnings;
use Errno ();
use IO::Socket::UNIX;
use JSON::PP ();
use MIME::Base64 ();

# Bytes of an answer that are read at a time.
my $piece = 256 * 1024;

# header_value(value) Returns a value as it stands in a header: JSON in Base64.
sub header_value {
    my ($value) = @_;
    return MIME::Base64::encode_base64(JSON::PP->new->utf8->canonical->encode($value), '');
}

# send_head(app, method, path, headers) Writes the head of a request; headers are array references of a name and a value.
# HTTP/1.1, since an HTTP/1.0 answer without a length ends like one that broke off.
sub send_head {
    my ($app, $method, $path, @headers) = @_;
    my @lines = map { "$_->[0]: $_->[1]" } [ 'Host', 'localhost' ], [ 'Connection', 'close' ], @headers;
    print {$app} join("\r\n", "$method $path HTTP/1.1", @lines), "\r\n\r\n";
}

# read_answer(app, method, given-up) Reads the head of the answer to a request of that method. Returns a hash reference:
# status, reason, headers by lower-case name, and what next_piece needs; nothing where there is no answer. The function
# given-up, which may be left out, is asked each second while nothing comes whether to stop waiting.
sub read_answer {
    my ($app, $method, $given_up) = @_;
    my %answer = ('app' => $app, 'given_up' => $given_up, 'buffer' => '', 'headers' => {}, 'whole' => 0);
    while ($answer{'buffer'} !~ /\r\n\r\n/) {
        return if length($answer{'buffer'}) > $piece || !fill(\%answer);
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
    my $none = $method eq 'HEAD' || $answer{'status'} =~ /^(1..|204|304)$/;
    $answer{'chunked'} = !$none && ($headers->{'transfer-encoding'} // '') =~ /\bchunked$/i;
    $answer{'left'}    = $none ? 0 : $answer{'chunked'} ? 0 : $headers->{'content-length'};
    $answer{'whole'}   = !$answer{'chunked'} && defined($answer{'left'}) && $answer{'left'} == 0;
    return \%answer;
}

# fill(&answer) Reads what has come, at least a byte, and returns how many; 0 at the end of the connection, and where nobody
# waits any more.
sub fill {
    my ($answer) = @_;
    while (1) {
        if ($answer->{'given_up'}) {
            vec(my $readable = '', fileno($answer->{'app'}), 1) = 1;
            if (!select($readable, undef, undef, 1)) {
                return 0 if $answer->{'given_up'}->();
                next;
            }
        }
        my $read = sysread($answer->{'app'}, $answer->{'buffer'}, $piece, length($answer->{'buffer'}));
        return $read || 0 if defined($read) || !$!{'EINTR'};
    }
}

# next_piece(&answer) Returns the next bytes of the body, as many as have come; nothing at its end. $answer->{whole} says
# then whether it ended as it was to, and $answer->{broken} whether it broke off.
sub next_piece {
    my ($answer) = @_;
    return if $answer->{'whole'} || $answer->{'broken'};
    return next_chunks($answer) if $answer->{'chunked'};
    # Neither a length nor chunks: nothing would tell its end from a broken connection.
    return break_off($answer) if !defined($answer->{'left'});
    return break_off($answer) if $answer->{'buffer'} eq '' && !fill($answer);
    my $bytes = take($answer);
    $answer->{'whole'} = 1 if $answer->{'left'} == 0;
    return $bytes;
}

# next_chunks(&answer) Returns the next bytes of a chunked body (RFC 9112, 7.1): those of all chunks that have come.
sub next_chunks {
    my ($answer) = @_;
    my $bytes = '';
    while (length($bytes) < $piece) {
        if (!$answer->{'left'}) {
            # The end of the chunk before, and the length of the next.
            my ($length, $end);
            while (!defined($length)) {
                if ($answer->{'buffer'} =~ /\A(?:\r\n)?([0-9a-fA-F]{1,8})(?:;[^\n]*)?\r\n/) {
                    ($length, $end) = (hex($1), $+[0]);
                }
                else {
                    return $bytes if $bytes ne '';
                    return break_off($answer) if length($answer->{'buffer'}) > 1000 || !fill($answer);
                }
            }
            if ($length == 0) {
                # Trailers, of which the app sends none, and the empty line.
                while (substr($answer->{'buffer'}, $end) !~ /\A(?:[^\r\n]+\r\n)*\r\n/) { fill($answer) or return break_off($answer) }
                $answer->{'whole'} = 1;
                return $bytes eq '' ? undef : $bytes;
            }
            substr($answer->{'buffer'}, 0, $end, '');
            $answer->{'left'} = $length;
        }
        if ($answer->{'buffer'} eq '') {
            return $bytes if $bytes ne '';
            fill($answer) or return break_off($answer);
        }
        $bytes .= take($answer);
    }
    return $bytes;
}

# take(&answer) Returns what has come of the bytes that are left.
sub take {
    my ($answer) = @_;
    my $bytes = substr($answer->{'buffer'}, 0, $answer->{'left'}, '');
    $answer->{'left'} -= length($bytes);
    return $bytes;
}

# break_off(&answer) Notes that the body is not whole; returns nothing.
sub break_off {
    my ($answer) = @_;
    $answer->{'broken'} = 1;
    return;
}

# body_of(&answer) Returns the whole body; nothing where it broke off.
sub body_of {
    my ($answer) = @_;
    my $body = '';
    while (defined(my $bytes = next_piece($answer))) { $body .= $bytes }
    return $answer->{'whole'} ? $body : undef;
}

# root_viewer() Returns the viewer of a command: only root can run one.
sub root_viewer {
    return {
        'user' => 'root', 'role' => 'master-admin', 'domains' => '*', 'may' => [qw(see print check)],
        'pages' => '/', 'assets' => '/', 'token' => '0' x 32,
    };
}

# ask_app(socket, path, facts) Asks the app as root for something in JSON. Returns the value, or nothing, why not, and
# the code of the error where the app gave one.
sub ask_app {
    my ($socket, $path, $facts) = @_;
    my $app = IO::Socket::UNIX->new('Peer' => $socket)
        or return (undef, "The service does not answer on $socket: $!");
    local $SIG{'PIPE'} = 'IGNORE';
    send_head($app, 'GET', $path, [ 'Mail-Setup-Viewer', header_value(root_viewer()) ],
        [ 'Mail-Setup-Panel', header_value($facts) ]);
    $app->flush();
    my $answer = read_answer($app, 'GET');
    my $body   = $answer ? body_of($answer) : undef;
    return (undef, 'The service broke off its answer') if !defined($body);
    my $value = eval { JSON::PP->new->utf8->decode($body) };
    return (undef, 'The service gave no answer that can be read') if !$value;
    return (undef, $value->{'error'}->{'message'}, $value->{'error'}->{'code'}) if ref($value) eq 'HASH' && $value->{'error'};
    return ($value);
}

1;
