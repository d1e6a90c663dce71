# Run by Webmin before the module is deleted.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/setup-lib.pl');

our $module_name;

# module_uninstall() Takes away what set-up made: account, units, plugin entry, brandings.
sub module_uninstall {
    print STDERR "$module_name: $_\n" for take_down();
}

1;
