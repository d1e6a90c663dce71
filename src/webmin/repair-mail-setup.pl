#!/usr/bin/perl
# virtualmin repair-mail-setup: sets up again what is missing, and proves that it works.
package virtualmin_mail_setup;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $module = abs_path(dirname(__FILE__));
if (!$ENV{'WEBMIN_CONFIG'}) {
    $ENV{'WEBMIN_CONFIG'} = '/etc/webmin';
    $ENV{'WEBMIN_VAR'}    = '/var/webmin';
}
if (grep { $_ eq '--help' } @ARGV) {
    print <<'HELP';
Sets up what Mail Client Setup needs, as far as it is missing, and asks Virtualmin once to prove that it works.

virtualmin repair-mail-setup

It is the same that runs when the module is installed: the account for Virtualmin's remote API, the plugin's place
in Virtualmin, and the service.
HELP
    exit(0);
}
chdir($module) or die "$module: $!";
$main::no_acl_check = 1;
$0 = "$module/repair-mail-setup.pl";
require("$module/setup-lib.pl");

my @report = set_up();
print(($_->[1] ? 'well' : 'FAILED') . ": $_->[2]\n") for @report;
exit((grep { !$_->[1] } @report) ? 1 : 0);
