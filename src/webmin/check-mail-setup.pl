#!/usr/bin/perl

=head1 check-mail-setup.pl

Check whether a domain's mail servers work with the settings for its mail clients

Checks each mail port in the settings of the domain's mailboxes: whether it is open, has the expected security, presents a
certificate for its name, and accepts logins. It can be run by cron.

The exit status is 0 if every port works as the settings say, 2 if one does not, and 1 if the check could not be done.

=head1 SYNOPSIS

 virtualmin check-mail-setup --domain domain.name
                            [--json]
                            [--socket path]

=head1 OPTIONS

=over

=item B<--domain>

The domain whose mail servers are checked.

=item B<--json>

The results as JSON.

=item B<--socket>

The service's socket, if it is not the one in the module's configuration.

=back

=cut

use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/command-lib.pl');

my %given = options('domain=s', 'json', 'socket=s');
stop_with_usage('Missing --domain') if ($given{'domain'} // '') eq '';

my $check    = request('/domains/' . path_segment($given{'domain'}) . '/check.json', $given{'socket'});
my @services = @{ $check->{'services'} };
if ($given{'json'}) { print JSON::PP->new->utf8->canonical->pretty->encode($check) }
else { printf("%-40s %-14s %s\n", "$_->{'host'}:$_->{'port'}", $_->{'security'}, result_text($_)) for @services }
exit((grep { $_->{'result'} ne 'proven' } @services) ? 2 : 0);

# result_text(service) Returns the result of a service's check, with its reason and its weaknesses.
sub result_text {
    my ($service) = @_;
    return join(', ', $service->{'result'}, $service->{'how'} // (), @{ $service->{'weaknesses'} });
}
