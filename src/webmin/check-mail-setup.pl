#!/usr/bin/perl

=head1 check-mail-setup.pl

Check whether a domain's mail servers work as its mail clients are told

Asks the mail ports that the clients of a domain are told to use whether they are open, are secured as they should be, show
a certificate for their name, and take logins. It can be run by cron.

It ends with 0 where everything that is prescribed works, with 2 where something does not, and with 1 where that could not
be found out.

=head1 SYNOPSIS

 virtualmin check-mail-setup --domain domain.name
                            [--json]
                            [--socket path]

=head1 OPTIONS

=over

=item B<--domain>

The domain whose mail servers are asked.

=item B<--json>

What was seen, as JSON.

=item B<--socket>

Where the service listens, if not where the module's configuration says.

=back

=cut

use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/command-lib.pl');

my %given = options('domain=s', 'json', 'socket=s');
stop_with_usage('Missing --domain') if ($given{'domain'} // '') eq '';

my $seen     = ask('/domains/' . as_path($given{'domain'}) . '/check.json', $given{'socket'});
my @services = @{ $seen->{'services'} };
if ($given{'json'}) { print JSON::PP->new->utf8->canonical->pretty->encode($seen) }
else { printf("%-40s %-14s %s\n", "$_->{'host'}:$_->{'port'}", $_->{'security'}, said($_)) for @services }
exit((grep { $_->{'result'} ne 'proven' } @services) ? 2 : 0);

# said(service) Returns in a word or two what was seen of a service.
sub said {
    my ($service) = @_;
    my @words = ($service->{'result'}, $service->{'how'} // (), @{ $service->{'weaknesses'} });
    return join(', ', @words);
}
