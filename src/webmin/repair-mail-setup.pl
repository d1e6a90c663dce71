#!/usr/bin/perl

=head1 repair-mail-setup.pl

Repair the set-up of Mail Client Setup

Sets up the same as the installation of the module: the account for Virtualmin's remote API, the entry among Virtualmin's
plugins, the commands, the service, the users who have the module, and the page in Usermin if Usermin is installed. It changes
only what is missing or wrong. At the end it sends one request to Virtualmin, to prove that everything works.

The exit status is 0 if everything works, and 1 if a step failed.

=head1 SYNOPSIS

 virtualmin repair-mail-setup

=cut

package virtualmin_mail_setup;
use strict;
use warnings;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $module = abs_path(dirname(__FILE__));
require("$module/command-lib.pl");
options();
run_in_module("$module/repair-mail-setup.pl");
require("$module/setup-lib.pl");

my @report = set_up();
print(($_->[1] ? 'ok' : 'FAILED') . ": $_->[2]\n") for @report;
exit((grep { !$_->[1] } @report) ? 1 : 0);
