#!/usr/bin/perl
# virtualmin list-mail-setup: the mail client settings of a domain's mailboxes, asked of the app as root.
use strict;
use warnings;
use File::Basename qw(dirname);
use Getopt::Long ();
use JSON::PP ();

my $module = dirname(__FILE__);
require("$module/facts-lib.pl");
my $facts  = facts($ENV{'WEBMIN_CONFIG'} || '/etc/webmin', $module);
my $json   = JSON::PP->new->utf8->canonical->pretty;
my $help   = <<'HELP';
Lists the mail client settings of mailboxes.

virtualmin list-mail-setup --domain domain.name
                          [--user name]*
                          [--json | --multiline]
                          [--socket path]

  --domain     The domain whose mailboxes are listed
  --user       Only the mailbox with this user name, as "Edit Users" shows it; may be given again
  --multiline  All of the settings, one a line
  --json       The same as JSON
  --socket     Where the service listens: /run/virtualmin-mail-setup.sock
HELP

my %given = ('socket' => '/run/virtualmin-mail-setup.sock', 'user' => []);
Getopt::Long::GetOptions(\%given, 'domain=s', 'user=s@', 'json', 'multiline', 'socket=s', 'help') or stop($help);
if ($given{'help'}) {
    print $help;
    exit(0);
}
stop("Missing --domain\n\n$help") if !defined($given{'domain'}) || $given{'domain'} eq '';
stop("Unknown parameter $ARGV[0]\n\n$help") if @ARGV;
stop("Either --json or --multiline\n\n$help") if $given{'json'} && $given{'multiline'};

my $base    = '/domains/' . encoded($given{'domain'});
my %wanted  = map { $_ => 1 } @{ $given{'user'} };
my @listed  = @{ ask("$base/mailboxes.json")->{'mailboxes'} };
my $all     = !%wanted;
my @logins  = grep { $all || delete($wanted{$_}) } map { $_->{'login'} } @listed;
my ($unknown) = sort keys %wanted;
stop("$given{'domain'} has no mailbox with the user name $unknown\n") if defined($unknown);
my @settings = map { ask("$base/mailboxes/" . encoded($_) . '/settings.json') } @logins;

binmode(STDOUT, ':utf8') if !$given{'json'};
if ($given{'json'}) { print $json->encode(\@settings) }
elsif ($given{'multiline'}) { print_lines($_) for @settings }
else { print_table(@settings) }

# stop(words) Ends with words on the standard error output.
sub stop {
    my ($words) = @_;
    print STDERR $words;
    exit(1);
}

# encoded(text) Returns a text as a part of a path.
sub encoded {
    my ($text) = @_;
    utf8::encode($text) if utf8::is_utf8($text);
    $text =~ s/([^A-Za-z0-9_.~-])/sprintf('%%%02X', ord($1))/ge;
    return $text;
}

# ask(path) Returns what the app answers, as a reference; ends with its words where that is an error.
sub ask {
    my ($path) = @_;
    my ($value, $problem) = ask_app($given{'socket'}, $path, $facts);
    stop("$problem\n") if !$value;
    return $value;
}

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
