#!/usr/bin/perl
# A panel made of the stand-ins: panel.pl SOCKET, where the app listens. It prints its port and a session of root, and ends
# with its standard input.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use MiniServ;
use TestPanel;

my $folder = make_panel('socket' => $ARGV[0]);
add_domains();
symlink("$FindBin::Bin/../../../build/dist/views/assets", "$folder/root/virtualmin-mail-setup/assets") or die $!;
my $panel = MiniServ->start('folder' => $ENV{'WEBMIN_CONFIG'}, 'root' => "$folder/root", 'config' => { 'session' => 1 });
STDOUT->autoflush(1);
print join(' ', $panel->port(), $panel->session('root')), "\n";
1 while sysread(STDIN, my $bytes, 1024);
