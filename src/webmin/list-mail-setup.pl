#!/usr/bin/perl

=head1 list-mail-setup.pl

List the mail client settings of a domain's mailboxes

Prints each mailbox's e-mail address, its user name for mail clients, and the recommended servers. C<--multiline> prints all
settings, one per line, and C<--json> prints them as JSON.

=head1 SYNOPSIS

 virtualmin list-mail-setup --domain domain.name
                           [--user name]*
                           [--json | --multiline]
                           [--socket path]

=head1 OPTIONS

=over

=item B<--domain>

The domain whose mailboxes are listed.

=item B<--user>

Only the mailbox with this user name, as "Edit Users" shows it. May be given more than once.

=item B<--multiline>

All settings, one per line.

=item B<--json>

All settings as JSON.

=item B<--socket>

The service's socket, if it is not the one in the module's configuration.

=back

=cut

use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/command-lib.pl');

my %given = ('user' => [], options('domain=s', 'user=s@', 'json', 'multiline', 'socket=s'));
stop_with_usage('Missing --domain') if ($given{'domain'} // '') eq '';
stop_with_usage('Either --json or --multiline') if $given{'json'} && $given{'multiline'};

my $base      = '/domains/' . path_segment($given{'domain'});
my %unmatched = map { $_ => 1 } @{ $given{'user'} };
my @listed    = @{ request("$base/mailboxes.json", $given{'socket'})->{'mailboxes'} };
my $all       = !%unmatched;
my @logins    = grep { $all || delete($unmatched{$_}) } map { $_->{'login'} } @listed;
my ($unknown) = sort keys %unmatched;
stop("$given{'domain'} has no mailbox with the user name $unknown") if defined($unknown);
my @settings = map { request("$base/mailboxes/" . path_segment($_) . '/settings.json', $given{'socket'}) } @logins;

binmode(STDOUT, ':encoding(UTF-8)') if !$given{'json'};
if ($given{'json'}) { print JSON::PP->new->utf8->canonical->pretty->encode(\@settings) }
elsif ($given{'multiline'}) { print_lines($_) for @settings }
else { print_table(@settings) }

# print_table(settings, ...) Prints one line per mailbox: its address, its user name, and the recommended servers.
sub print_table {
    my (@mailboxes) = @_;
    my @rows = map { [ $_->{'emailAddress'}, $_->{'login'}, map { server_text($_->[0]) } @$_{qw(incoming outgoing)} ] } @mailboxes;
    unshift(@rows, [ 'E-mail address', 'Username', 'Incoming', 'Outgoing' ]);
    my @widths = map { my $column = $_; (sort { $b <=> $a } map { length($_->[$column]) } @rows)[0] } 0 .. 2;
    printf("%-$widths[0]s %-$widths[1]s %-$widths[2]s %s\n", @$_) for @rows;
}

# print_lines(settings) Prints all settings of one mailbox, in the format of Virtualmin's own commands with --multiline.
sub print_lines {
    my ($mailbox) = @_;
    print "$mailbox->{'emailAddress'}\n";
    my $line = sub { print "    $_[0]: $_[1]\n" };
    $line->('Username', $mailbox->{'login'});
    $line->('Real name', $mailbox->{'realName'}) if $mailbox->{'realName'} ne '';
    my ($arrives, $forwards_to) = @{ $mailbox->{'delivery'} }{qw(arrives forwardsTo)};
    $line->('New mail arrives', ucfirst($arrives)) if $arrives ne 'yes';
    $line->('Forwards to',      $_) for @$forwards_to;
    for my $direction (qw(incoming outgoing)) {
        $line->(ucfirst($direction) . " $_->{'role'}", "$_->{'protocol'} " . server_text($_)) for @{ $mailbox->{$direction} };
    }
}

# server_text(service) Returns a server as host:port and its security.
sub server_text {
    my ($service) = @_;
    return "$service->{'host'}:$service->{'port'} $service->{'security'}";
}
