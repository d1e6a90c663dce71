#!/usr/bin/perl
# Writing of files.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use TestPanel;

require "$FindBin::Bin/../../src/webmin/system-lib.pl";

my $folder = tempdir('CLEANUP' => 1);

subtest 'a secret' => sub {
    write_secret("$folder/secret", 'a');
    write_secret("$folder/secret", 'b');
    is(content("$folder/secret"), 'b', 'the file has the new text');
    is(mode("$folder/secret"), 0600, 'only its owner can read it');
    is_deeply([ glob("$folder/*") ], ["$folder/secret"], 'no other file is left');
};

subtest 'concurrent writers of a file' => sub {
    my @texts = map { $_ x 1000 } 'a' .. 'd';
    my @pids;
    for my $text (@texts) {
        my $pid = fork() // die $!;
        if (!$pid) {
            my $written = eval { write_secret("$folder/shared", $text) for 1 .. 500; 1 };
            POSIX::_exit($written ? 0 : 1);
        }
        push(@pids, $pid);
    }
    is_deeply([ map { waitpid($_, 0); $? } @pids ], [ 0, 0, 0, 0 ], 'none fails');
    my $text = content("$folder/shared");
    is(scalar(grep { $_ eq $text } @texts), 1, 'the file has the text of one of them');
};

subtest 'a secret that cannot be written' => sub {
    my $umask = umask(0022);
    mkdir("$folder/taken");
    for my $case ([ "$folder/nowhere/secret", 'no such folder' ], [ "$folder/taken", 'its name is that of a folder' ]) {
        my ($path, $what) = @$case;
        ok(!eval { write_secret($path, 'a'); 1 }, "it fails: $what");
        is(umask(), 0022, 'the umask is as before');
    }
    SKIP: {
        skip('no /dev/full', 1) if !-c '/dev/full';
        symlink('/dev/full', "$folder/full.new.$$") or die $!;
        ok(!eval { write_secret("$folder/full", 'a'); 1 }, 'it fails: the disk is full');
        is(umask(), 0022, 'the umask is as before');
    }
    is_deeply([ glob("$folder/*.new*") ], [], 'no other file is left');
    umask($umask);
};

done_testing();
