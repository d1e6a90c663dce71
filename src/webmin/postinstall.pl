# Run by Webmin once the module is installed, or a newer one over it.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/setup-lib.pl');

our $module_name;

# module_install() Sets up what the module needs. Who installs it on the command line is told; in the panel what failed
# stands above the module's pages.
sub module_install {
    for my $part (set_up()) {
        my (undef, $well, $words) = @$part;
        print STDERR "$module_name: $words\n" if !$well || -t STDERR;
    }
}

1;
