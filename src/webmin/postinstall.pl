# Run by Webmin after the module has been installed or upgraded.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/setup-lib.pl');

our $module_name;

# module_install() Sets up what the module needs. On a terminal it prints the result of each step, otherwise only errors, for
# the log; the module's pages show these too.
sub module_install {
    for my $step (set_up()) {
        my (undef, $ok, $message) = @$step;
        print STDERR "$module_name: $message\n" if !$ok || -t STDERR;
    }
}

1;
