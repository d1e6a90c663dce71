#!/usr/bin/perl
# Attempts what the service must not be able to do. The test has systemd start this instead of the service, in its sandbox. It
# writes the results to the state folder: lines of a name, a tab, and an error or "done".
use strict;
use warnings;
use Socket;

my %calls = (
    'x86_64'  => { 'mount' => 165, 'unshare' => 272, 'pkey_alloc' => 330, 'personality' => 135 },
    'aarch64' => { 'mount' => 40, 'unshare' => 97, 'pkey_alloc' => 289, 'personality' => 92 },
);
chomp(my $machine = `uname -m`);
my $number = $calls{$machine} or die "no numbers of system calls for $machine\n";
my $state  = $ENV{'STATE_DIRECTORY'} // '/tmp';
my @results;

sub try_it {
    my ($name, $work) = @_;
    $! = 0;
    push(@results, "$name\t" . ($work->() ? 'done' : ($!{EPERM} ? 'EPERM' : "$!")));
}

sub can_read { my ($path) = @_; return sub { open(my $file, '<', $path) or return 0; return defined(readline($file)) } }

sub can_write { my ($path) = @_; return sub { open(my $file, '>', $path) or return 0; return print {$file} 'x' } }

sub can_list { my ($path) = @_; return sub { opendir(my $handle, $path) or return 0; return scalar(grep { !/^\./ } readdir($handle)) } }

try_it("read $_", can_read($_)) for qw(/etc/shadow /etc/webmin/miniserv.users /etc/webmin/virtualmin-mail-setup/api-password /proc/1/cmdline /etc/passwd);
try_it("write $_", can_write("$_/virtualmin-mail-setup-probe")) for qw(/etc /usr/share/webmin/virtualmin-mail-setup /var/lib /var/tmp /run /run/lock /dev /dev/shm /dev/mqueue /home /root /sys/kernel /tmp), $state;
try_it("list $_", can_list($_)) for qw(/home /root);
try_it('socket AF_PACKET', sub { socket(my $handle, 17, SOCK_RAW, 0) });
try_it('socket AF_INET raw', sub { socket(my $handle, AF_INET, SOCK_RAW, 1) });
try_it('socket AF_INET', sub { socket(my $handle, AF_INET, SOCK_STREAM, 0) });
try_it('setuid', sub { $> = 0; $> == 0 });
try_it('mount', sub { syscall($number->{'mount'}, my $none = 'none', my $target = '/mnt', my $type = 'tmpfs', 0, 0) == 0 });
try_it('unshare', sub { syscall($number->{'unshare'}, 0x10000000) == 0 });
try_it('pkey_alloc', sub { my $key = syscall($number->{'pkey_alloc'}, 0, 0); $key >= 0 });
# ADDR_NO_RANDOMIZE: addresses that are not random. Outside the sandbox every process may set it.
try_it('personality', sub { syscall($number->{'personality'}, 0x0040000) >= 0 });

open(my $file, '>', "$state/probe") or die "$state/probe: $!";
print {$file} map { "$_\n" } @results;
close($file) or die $!;
