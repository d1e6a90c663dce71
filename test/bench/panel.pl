#!/usr/bin/perl
# A panel of the tests' stand-ins with 2,000 domains, for the benchmark: panel.pl SOCKET. It prints its port and the ids of
# sessions of root and of a domain owner, and exits when its standard input is closed.
use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/../perl/lib";
use File::Path qw(make_path);
use MiniServ;
use TestPanel;

my $folder = make_panel('socket' => $ARGV[0]);
add_domains();
add_domain(1000 + $_, "customer$_.example", 'user' => "customer$_") for 1 .. 2000;

# A module with an empty page that loads Virtualmin's library, and with a file of 20 MB.
make_path("$folder/root/empty");
put("$folder/root/empty/module.info", "desc=Empty\n");
put("$folder/root/empty/large.zip", 'x' x (20 * 1024 * 1024));
put("$folder/root/empty/index.cgi", <<'PAGE');
#!/usr/bin/perl
BEGIN { push(@INC, '..') }
use WebminCore;
init_config();
foreign_require('virtual-server', 'virtual-server-lib.pl');
ui_print_header(undef, 'Empty', '');
ui_print_footer('/', 'index');
PAGE
add_user('root', 'virtual-server virtualmin-mail-setup empty');
add_user('example', 'virtual-server virtualmin-mail-setup empty', 'noconfig' => 1, 'domains' => '1 2', 'edit_users' => 1);

my $pem = "$folder/miniserv.pem";
system("openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=panel -days 1 -keyout $pem.key -out $pem.cert 2>/dev/null && cat $pem.key $pem.cert >$pem") == 0 or die;
my $panel = MiniServ->start('folder' => $ENV{'WEBMIN_CONFIG'}, 'root' => "$folder/root", 'config' => { 'session' => 1, 'ssl' => 1, 'keyfile' => $pem });
STDOUT->autoflush(1);
print join(' ', $panel->port(), $panel->session('root'), $panel->session('example')), "\n";
1 while sysread(STDIN, my $bytes, 1024);
