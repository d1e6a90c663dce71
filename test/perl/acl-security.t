#!/usr/bin/perl
# The form in which a master admin says what a user of the module may do.
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
is(scalar(() = $form =~ /<tr>/g), 3, 'it has a row for each');
like($form, qr{Can print and send setup sheets\?</td><td><input name=print value=0>}, 'as it is set');

my %access = ('noconfig' => 1, 'see' => 1, 'print' => 1, 'check' => 1);
acl_security_save(\%access, { 'see' => '1', 'print' => '0' });
is_deeply(\%access, { 'noconfig' => 1, 'see' => 1, 'print' => 0, 'check' => 0 }, 'and takes over what was chosen');

# Webmin's config.cgi keeps out whoever has noconfig, and a master admin has nothing but the defaults.
my %default = get_module_acl('root', 'virtualmin-mail-setup');
is_deeply(\%default, { 'see' => 1, 'print' => 1, 'check' => 1 }, 'a master admin may do everything, the configuration of the module too');

done_testing();
