#!/usr/bin/perl

=head1 repair-mail-setup.pl

Set up again what Mail Client Setup needs and lacks

Does the same as the installation of the module: the account for Virtualmin's remote API, the module's place among
Virtualmin's plugins, its commands, the service, and who may use it. What is there already stays as it is. In the end it asks
Virtualmin once, to prove that everything works.

It ends with 0 where all is well, and with 1 where something failed.

=head1 SYNOPSIS

 virtualmin repair-mail-setup

=cut

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
require("$module/command-lib.pl");
options();
chdir($module) or die "$module: $!";
{
    no warnings 'once';
    $main::no_acl_check = 1;
}
$0 = "$module/repair-mail-setup.pl";
require("$module/setup-lib.pl");

my @report = set_up();
print(($_->[1] ? 'well' : 'FAILED') . ": $_->[2]\n") for @report;
exit((grep { !$_->[1] } @report) ? 1 : 0);
