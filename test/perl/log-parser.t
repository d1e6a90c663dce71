#!/usr/bin/perl
# Descriptions of this module's entries in Webmin's log of actions.
use strict;
use warnings;
use FindBin;
use Test::More;

use lib "$FindBin::Bin/lib";
use TestPanel;

my $folder = make_panel();
require "$folder/root/virtualmin-mail-setup/log_parser.pl";

my %values = ('domain' => 'example.com', 'count' => 2, 'file' => 'x.pdf', 'login' => '<b>', 'to' => 'a@b.example', 'owner' => '*');
is(parse_webmin_log('root', 'index.cgi', 'sheets', 'mail', 'example.com', \%values),
    'Printed setup sheets of <tt>example.com</tt>: <tt>2</tt>', 'the description has the values');
unlike(parse_webmin_log('root', 'index.cgi', 'file', 'mail', 'example.com', \%values), qr/<b>/, 'the values are escaped');
is(parse_webmin_log('root', 'index.cgi', 'another', 'mail', '', {}), undef, 'an unknown action has no description');
for my $action (qw(sheets pdf file send branding)) {
    unlike(parse_webmin_log('root', 'index.cgi', $action, 'mail', '', \%values), qr/[{}]/, "$action: every placeholder has a value");
}

done_testing();
