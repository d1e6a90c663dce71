#!/usr/bin/perl
# What Webmin's log of actions says of this module, in words.
use strict;
use warnings;
use FindBin;
use File::Temp qw(tempfile);
use Test::More;

BEGIN {
    my ($access, $path) = tempfile('UNLINK' => 1);
    print {$access} '{"role":"master"}';
    close($access);
    $ENV{'TEST_ACCESS'} = $path;
    $ENV{'TEST_LANG'}   = "$FindBin::Bin/../../src/webmin/lang/en";
    unshift(@INC, "$FindBin::Bin/lib", '.');
    chdir("$FindBin::Bin/../../src/webmin") or die $!;
}
require './log_parser.pl';

my %values = ('domain' => 'example.com', 'count' => 2, 'file' => 'x.pdf', 'login' => '<b>', 'to' => 'a@b.example', 'owner' => '*');
is(parse_webmin_log('root', 'index.cgi', 'sheets', 'mail', 'example.com', \%values),
    'Printed <tt>2</tt> setup sheets of <tt>example.com</tt>', 'words with their values');
unlike(parse_webmin_log('root', 'index.cgi', 'file', 'mail', 'example.com', \%values), qr/<b>/, 'none of which is markup');
is(parse_webmin_log('root', 'index.cgi', 'another', 'mail', '', {}), undef, 'of another action it says nothing');
for my $action (qw(sheets pdf file send branding)) {
    unlike(parse_webmin_log('root', 'index.cgi', $action, 'mail', '', \%values), qr/[{}]/, "$action has every value");
}

done_testing();
