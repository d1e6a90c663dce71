#!/usr/bin/perl

=head1 list-mail-setup.pl

List the mail client settings of a domain's mailboxes

Prints each mailbox's e-mail address, its actual user name, and the servers that a mail client is to be told first. With
C<--multiline> it prints all of the settings, one a line, and with C<--json> the same for programs.

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

Only the mailbox with this user name, as "Edit Users" shows it. May be given again.

=item B<--multiline>

All of the settings, one a line.

=item B<--json>

The same as JSON.

=item B<--socket>

Where the service listens, if not where the module's configuration says.

=back

=cut

use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/command-lib.pl');

my %given = ('user' => [], options('domain=s', 'user=s@', 'json', 'multiline', 'socket=s'));
stop_with_usage('Missing --domain') if ($given{'domain'} // '') eq '';
stop_with_usage('Either --json or --multiline') if $given{'json'} && $given{'multiline'};

my $base    = '/domains/' . as_path($given{'domain'});
my %wanted  = map { $_ => 1 } @{ $given{'user'} };
my @listed  = @{ ask("$base/mailboxes.json", $given{'socket'})->{'mailboxes'} };
my $all     = !%wanted;
my @logins  = grep { $all || delete($wanted{$_}) } map { $_->{'login'} } @listed;
my ($unknown) = sort keys %wanted;
stop("$given{'domain'} has no mailbox with the user name $unknown") if defined($unknown);
my @settings = map { ask("$base/mailboxes/" . as_path($_) . '/settings.json', $given{'socket'}) } @logins;

binmode(STDOUT, ':utf8') if !$given{'json'};
if ($given{'json'}) { print JSON::PP->new->utf8->canonical->pretty->encode(\@settings) }
elsif ($given{'multiline'}) { print_lines($_) for @settings }
else { print_table(@settings) }

# print_table(settings, ...) Prints a line a mailbox: its address, its user name, and the servers to try first.
sub print_table {
    my @rows = map { [ $_->{'emailAddress'}, $_->{'login'}, map { place($_->[0]) } @$_{qw(incoming outgoing)} ] } @_;
    unshift(@rows, [ 'E-mail address', 'Username', 'Incoming', 'Outgoing' ]);
    my @widths = map { my $column = $_; (sort { $b <=> $a } map { length($_->[$column]) } @rows)[0] } 0 .. 2;
    printf("%-$widths[0]s %-$widths[1]s %-$widths[2]s %s\n", @$_) for @rows;
}

# print_lines(settings) Prints all of one mailbox, as Virtualmin's own commands do with --multiline.
sub print_lines {
    my ($one) = @_;
    print "$one->{'emailAddress'}\n";
    my $line = sub { print "    $_[0]: $_[1]\n" };
    $line->('Username', $one->{'login'});
    $line->('Real name', $one->{'realName'}) if $one->{'realName'} ne '';
    for my $direction (qw(incoming outgoing)) {
        $line->(ucfirst($direction) . " $_->{'role'}", "$_->{'protocol'} " . place($_)) for @{ $one->{$direction} };
    }
}

# place(service) Returns a server as host:port and how it is secured.
sub place {
    my ($service) = @_;
    return "$service->{'host'}:$service->{'port'} $service->{'security'}";
}
