# The answer to one request.
package MiniServ::Answer;
use strict;
use warnings;

# new(raw, ended) raw has the bytes that were received, and ended says how the connection ended: closed, reset, silent (timeout)
# or left (by the client).
sub new {
    my ($class, $raw, $ended) = @_;
    my ($head, $body) = split(/\r\n\r\n/, $raw, 2);
    my ($line, @lines) = split(/\r\n/, $head // '');
    my ($version, $status, $reason) = ($line // '') =~ m{^HTTP/(\d\.\d) (\d{3}) ?(.*)$};
    my @pairs = map { /^([^:]+):\s*(.*)$/ ? [ lc($1), $2 ] : [ '', $_ ] } @lines;
    my $self = bless({
        'raw' => $raw, 'ended' => $ended, 'head' => $head // '', 'pairs' => \@pairs,
        'version' => $version, 'status' => $status, 'reason' => $reason, 'body' => $body // '',
    }, $class);
    $self->{'complete'} = $self->read_body(defined($body));
    return $self;
}

sub raw     { return $_[0]->{'raw'} }
sub ended   { return $_[0]->{'ended'} }
sub head    { return $_[0]->{'head'} }
sub version { return $_[0]->{'version'} }
sub status  { return $_[0]->{'status'} }
sub reason  { return $_[0]->{'reason'} }

# body() Returns the body, with a chunked one decoded.
sub body { return $_[0]->{'body'} }

# complete() Returns 1 or 0 for whether the whole body has arrived; undef if that is unknown, because the answer does not state
# its length.
sub complete { return $_[0]->{'complete'} }

# header(name) Returns the last header of that name, headers(name) all of them.
sub header  { my ($self, $name) = @_; return ($self->headers($name))[-1] }
sub headers { my ($self, $name) = @_; return map { $_->[0] eq lc($name) ? $_->[1] : () } @{ $self->{'pairs'} } }

# read_body(has-head) Decodes the body. Returns the value of complete().
sub read_body {
    my ($self, $has_head) = @_;
    return 0 if !$has_head || !defined($self->{'status'});
    return 1 if $self->{'status'} =~ /^(?:1..|204|304)$/;
    if (lc($self->header('transfer-encoding') // '') eq 'chunked') {
        my ($rest, $body) = ($self->{'body'}, '');
        while ($rest =~ s/^([0-9a-fA-F]+)[^\r\n]*\r\n//) {
            my $length = hex($1);
            if ($length == 0) { $self->{'body'} = $body; return $rest =~ /\A(?:[^\r\n]+\r\n)*\r\n\z/ ? 1 : 0 }
            $body .= substr($rest, 0, $length);
            last if length($rest) < $length;
            substr($rest, 0, $length) = '';
            last if $rest !~ s/^\r\n//;
        }
        $self->{'body'} = $body;
        return 0;
    }
    my $length = $self->header('content-length');
    return length($self->{'body'}) == $length ? 1 : 0 if defined($length);
    return $self->{'ended'} eq 'closed' ? undef : 0;
}

1;
