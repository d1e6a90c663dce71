#!/usr/bin/perl
# The form of the module's access control.
use strict;
use warnings;
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use TestPanel;

make_panel();
require "$FindBin::Bin/../../src/webmin/acl_security.pl";

my $form = '';
{
    open(my $out, '>', \$form) or die $!;
    local *STDOUT = $out;
    acl_security_form({ 'see' => 1, 'print' => 0, 'check' => 1 });
}
is(scalar(() = $form =~ /<tr>/g), 3, 'a row for each permission');
like($form, qr{Can print and send setup sheets\?</td><td><input name=print value=0>}, 'with its present value');

my %access = ('noconfig' => 1, 'see' => 1, 'print' => 1, 'check' => 1);
acl_security_save(\%access, { 'see' => '1', 'print' => '0' });
is_deeply(\%access, { 'noconfig' => 1, 'see' => 1, 'print' => 0, 'check' => 0 }, 'the submitted values are saved');

# Webmin's config.cgi refuses users with noconfig. A master admin has the defaults only.
my %default = get_module_acl('root', 'virtualmin-mail-setup');
is_deeply(\%default, { 'see' => 1, 'print' => 1, 'check' => 1 }, 'a master admin has every permission, and may configure the module');

done_testing();
