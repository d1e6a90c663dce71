#!/usr/bin/perl

=head1 setup-mail-autoconfig.pl

Have the web server of a domain answer mail clients with their settings

Puts the answer service of Mail Client Setup behind the domain's Apache, as autoconfig.DOMAIN and autodiscover.DOMAIN, and adds
the DNS records of these names if Virtualmin serves the domain's DNS. Then it asks as mail clients do. If an answer is wrong,
everything is taken back.

The module's setting client_answers has to let mail clients be told about the domain. If Virtualmin's own answers are on for
it, they are turned off. C<--undo> takes everything back, and turns them on again.

The exit status is 0 if everything works, and 1 if it did not work for a domain.

=head1 SYNOPSIS

 virtualmin setup-mail-autoconfig --domain domain.name | --all-domains
                                 [--undo]
                                 [--dry-run]

=head1 OPTIONS

=over

=item B<--domain>

The domain. May be given more than once.

=item B<--all-domains>

All domains that have a web site and about which the settings let mail clients be told; with C<--undo> all that were set up. It
goes on after an error.

=item B<--undo>

Take back what this command has changed.

=item B<--dry-run>

Only show what would change.

=back

=cut

package virtualmin_mail_setup;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Handle ();

my $module = abs_path(dirname(__FILE__));
require("$module/command-lib.pl");
my %given = options('domain=s@', 'all-domains', 'undo', 'dry-run');
stop_with_usage('Either --domain or --all-domains') if !$given{'domain'} == !$given{'all-domains'};
stop('This command has to be run as root') if $> != 0;
run_in_module("$module/setup-mail-autoconfig.pl");
require("$module/web-server-lib.pl");

my @all     = all_domains();
my $answers = $given{'undo'} ? {} : eval { latest_answers(!$given{'dry-run'}) } // stop($@ =~ s/\n$//r);
my @failed;
STDOUT->autoflush(1);
# A closed pipe does not stop a change halfway.
$SIG{'PIPE'} = 'IGNORE';
for my $d (chosen_domains()) {
    print "$d->{'dom'}:\n";
    eval {
        if ($given{'undo'}) { take_back($d, \&print_lines, $given{'dry-run'}) }
        else { put_behind($d, $answers, \&print_lines, $given{'dry-run'}) }
        1;
    } and next;
    print_lines(split(/\n/, "FAILED: $@"));
    push(@failed, $d->{'dom'});
}
print "It did not work for: @failed\n" if @failed;
exit(@failed ? 1 : 0);

# print_lines(lines) Prints lines, without control characters: an answer may come from the web site's owner.
sub print_lines {
    my (@lines) = @_;
    print map { '    ' . s/[\x00-\x08\x0a-\x1f\x7f]/?/gr . "\n" } @lines;
}

# chosen_domains() Returns the domains that the options choose.
sub chosen_domains {
    my @changed = $given{'undo'} ? changed_domains() : ();
    return map { domain_named($_, @all, @changed) } @{ $given{'domain'} } if $given{'domain'};
    return @changed if $given{'undo'};
    return grep { $answers->{ $_->{'dom'} } && virtual_server::domain_has_website($_) } @all;
}

# domain_named(name, domains) Returns the domain of that name; prints an error and exits with 1 if there is none.
sub domain_named {
    my ($name, @domains) = @_;
    my ($d) = grep { $_->{'dom'} eq lc($name) } @domains;
    return $d // stop("Virtualmin has no domain $name");
}
