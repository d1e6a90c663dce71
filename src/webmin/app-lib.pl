# The conversation with the app over its socket: one HTTP/1.1 request, and an answer that is known to be whole or not.
# It needs nothing of Webmin's library, so that commands can use it.
use strict;
use warnings;
use IO::Socket::UNIX;
use JSON::PP ();
use MIME::Base64 ();

# Bytes of an answer that are read at a time.
my $piece = 64 * 1024;

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

# read_answer(app, method) Reads the head of the answer to a request of that method. Returns a hash reference: status,
# reason, headers by lower-case name, and what next_piece needs; nothing where there is no answer.
sub read_answer {
    my ($app, $method) = @_;
    my $first = <$app>;
    return if !defined($first) || $first !~ m{^HTTP/1\.[01] (\d{3})\s*([^\r\n]*)};
    my %answer = ('app' => $app, 'status' => $1, 'reason' => $2, 'headers' => {}, 'whole' => 0);
    while (1) {
        my $line = <$app>;
        # The head broke off.
        return if !defined($line) || $line !~ /\n$/;
        $line =~ s/[\r\n]+$//;
        last if $line eq '';
        my ($name, $value) = split(/:\s*/, $line, 2);
        $answer{'headers'}->{ lc($name) } = $value // '';
    }
    my $length = $answer{'headers'}->{'content-length'};
    $answer{'chunked'} = ($answer{'headers'}->{'transfer-encoding'} // '') =~ /\bchunked$/i;
    # RFC 9112, 6.3: these have no body, whatever their headers say.
    $answer{'left'} = $method eq 'HEAD' || $answer{'status'} =~ /^(1..|204|304)$/ ? 0 : $length;
    $answer{'chunked'} = 0 if defined($answer{'left'}) && $answer{'left'} eq '0';
    $answer{'whole'} = !$answer{'chunked'} && defined($answer{'left'}) && $answer{'left'} == 0;
    return \%answer;
}

# next_piece(&answer) Returns the next bytes of the body; nothing at its end. $answer->{whole} says then whether it
# ended as it was to, or broke off.
sub next_piece {
    my ($answer) = @_;
    return if $answer->{'whole'} || $answer->{'broken'};
    return next_chunk($answer) if $answer->{'chunked'};
    # Neither a length nor chunks: nothing would tell its end from a broken connection.
    return break_off($answer) if !defined($answer->{'left'});
    my $bytes = read_bytes($answer);
    $answer->{'whole'} = 1 if defined($bytes) && $answer->{'left'} == 0;
    return $bytes;
}

# next_chunk(&answer) Returns the next bytes of a chunked body (RFC 9112, 7.1).
sub next_chunk {
    my ($answer) = @_;
    my $app = $answer->{'app'};
    if (!$answer->{'left'}) {
        my $line = <$app>;
        return break_off($answer) if !defined($line) || $line !~ /^([0-9a-fA-F]{1,8})[^\n]*\n$/;
        $answer->{'left'} = hex($1);
        if ($answer->{'left'} == 0) {
            # Trailers, of which the app sends none, and the empty line.
            while (defined($line = <$app>)) {
                next if $line ne "\r\n";
                $answer->{'whole'} = 1;
                return;
            }
            return break_off($answer);
        }
    }
    my $bytes = read_bytes($answer);
    if (defined($bytes) && $answer->{'left'} == 0) {
        my $end = <$app>;
        return break_off($answer) if ($end // '') ne "\r\n";
    }
    return $bytes;
}

# read_bytes(&answer) Returns some of the bytes that are left; nothing where the connection broke.
sub read_bytes {
    my ($answer) = @_;
    my $wanted = $answer->{'left'} < $piece ? $answer->{'left'} : $piece;
    my $read   = read($answer->{'app'}, my $bytes, $wanted);
    return break_off($answer) if !$read;
    $answer->{'left'} -= $read;
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
