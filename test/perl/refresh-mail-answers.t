#!/usr/bin/perl
# The command that takes the snapshot, with the real app and its demo.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use TestApp;

my $folder = tempdir('CLEANUP' => 1);
$ENV{'WEBMIN_CONFIG'} = "$folder/etc";
mkdir($_) for "$folder/etc", "$folder/etc/virtualmin-mail-setup";
start_app("$folder/app.sock");
require "$FindBin::Bin/../../src/webmin/snapshot-lib.pl";

# put(file, text) Writes a file.
sub put {
    my ($path, $text) = @_;
    open(my $file, '>', $path) or die "$path: $!";
    print {$file} $text;
    close($file) or die $!;
}

# content(file) Returns the content of a file; nothing if there is none.
sub content {
    my ($path) = @_;
    open(my $file, '<', $path) or return;
    local $/;
    return <$file>;
}

# run(socket) Runs the command. Returns its exit code, and what it printed.
sub run {
    my ($socket) = @_;
    my $text = `$^X -w $FindBin::Bin/../../src/webmin/refresh-mail-answers.pl --socket $socket --folder $folder/snapshot 2>&1`;
    return ($? >> 8, $text);
}

my $file = "$folder/snapshot/public/snapshot.json";
put("$folder/etc/virtualmin-mail-setup/config", "client_answers=off\nby_domain=client_answers\@example.com=login\n");
is_deeply([ run("$folder/app.sock") ], [ 0, '' ], 'the command works and prints nothing');
my $snapshot = decode_json(content($file));
is_deeply([ keys %{ $snapshot->{'domains'} } ], ['example.com'], 'it has the domain that the settings choose');
is($snapshot->{'domains'}->{'example.com'}->{'logins'}->{'bob'}, 'bob.example', 'with the logins');
is_deeply([ map { (stat("$folder/snapshot$_"))[2] & 07777 } '', '/public', '/public/snapshot.json' ], [ 0700, 0755, 0644 ],
    'only root can open the folder');

note_change("$folder/snapshot");
is_deeply([ glob("$folder/snapshot/*") ], [ map { "$folder/snapshot/$_" } qw(changed public) ], 'a change is noted in a file');
run("$folder/app.sock");
is_deeply([ glob("$folder/snapshot/*") ], ["$folder/snapshot/public"], 'which a new snapshot deletes');
note_change("$folder/nowhere");
ok(!-e "$folder/nowhere", 'where there is no snapshot, no change is noted');

my $before = content($file);
my ($code, $text) = run("$folder/nowhere.sock");
is($code, 1, 'without the service the exit status is 1');
like($text, qr/^The service does not answer on \S+: No such file or directory$/, 'and the message says why');
is(content($file), $before, 'the last snapshot stays');

put("$folder/etc/virtualmin-mail-setup/config", "imap_port=x\n");
($code, $text) = run("$folder/app.sock");
is($code, 1, 'with a mistake in the settings, too');
like($text, qr/imap_port must be a port/, 'and the message says so');
is(content($file), $before, 'the last snapshot stays');
is_deeply([ glob("$folder/snapshot/public/*") ], [$file], 'no other file is left');

done_testing();
