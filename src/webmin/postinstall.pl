# Run by Webmin after the module has been installed or upgraded.
use strict;
use warnings;
use File::Basename qw(dirname);
require(dirname(__FILE__) . '/setup-lib.pl');

our ($module_name, $module_config_directory);

# module_install() Sets up what the module needs. On a terminal it prints the result of each step, otherwise only errors, for
# the log; the module's pages show these too. After an upgrade MiniServ is restarted: its own process has loaded the plugin and
# its texts with Virtualmin's library ("preload"), and keeps them.
sub module_install {
    my $is_upgrade = -e "$module_config_directory/setup-report";
    for my $step (set_up()) {
        my (undef, $ok, $message) = @$step;
        print STDERR "$module_name: $message\n" if !$ok || -t STDERR;
    }
    restart_miniserv(1) if $is_upgrade;
}

1;
