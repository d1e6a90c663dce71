#!/usr/bin/perl
# A panel of stand-ins, for an app that listens on SOCKET: panel.pl SOCKET. It prints its port and the id of a session of root,
# and exits when its standard input is closed.
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
