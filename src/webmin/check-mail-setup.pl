#!/usr/bin/perl
# virtualmin check-mail-setup: what the mail ports of a domain answer, for people and for cron.
use strict;
use warnings;
use File::Basename qw(dirname);
use Getopt::Long ();
use JSON::PP ();

my $module = dirname(__FILE__);
require("$module/facts-lib.pl");
my $help = <<'HELP';
Asks the mail ports that clients of a domain are told to use whether they work.

virtualmin check-mail-setup --domain domain.name
                           [--json]
                           [--socket path]

  --domain  The domain whose mail servers are asked
  --json    What was seen, as JSON
  --socket  Where the service listens: /run/virtualmin-mail-setup.sock

It ends with 0 where everything that is prescribed works, with 2 where something does not, and with 1 where it could
not be found out.
HELP

my %given = ('socket' => '/run/virtualmin-mail-setup.sock');
Getopt::Long::GetOptions(\%given, 'domain=s', 'json', 'socket=s', 'help') or stop($help);
if ($given{'help'}) {
    print $help;
    exit(0);
}
stop("Missing --domain\n\n$help") if !defined($given{'domain'}) || $given{'domain'} eq '';
stop("Unknown parameter $ARGV[0]\n\n$help") if @ARGV;

(my $domain = $given{'domain'}) =~ s/([^A-Za-z0-9_.~-])/sprintf('%%%02X', ord($1))/ge;
my ($seen, $problem) = ask_app($given{'socket'}, "/domains/$domain/check.json", facts($ENV{'WEBMIN_CONFIG'} || '/etc/webmin', $module));
stop("$problem\n") if !$seen;
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

# stop(words) Ends with words on the standard error output.
sub stop {
    my ($words) = @_;
    print STDERR $words;
    exit(1);
}
