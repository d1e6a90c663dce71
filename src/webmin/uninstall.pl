# Run by Webmin before the module is deleted.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/setup-lib.pl');

our $module_name;

# module_uninstall() Removes what set-up made, and the brandings: the account, the units, the entry among the plugins, and the
# page in Usermin.
sub module_uninstall {
    print STDERR "$module_name: $_\n" for tear_down();
}

1;
