#!/usr/bin/perl
# The command, with the real app.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use JSON::PP;
use Test::More;
use TestApp;

my $folder = tempdir('CLEANUP' => 1);
my $socket = "$folder/app.sock";
like(start_app($socket), qr/is at/, 'the app listens');

# run(arguments) Returns the exit code, the output and the errors of the command.
sub run {
    my (@arguments) = @_;
    my $pid = open(my $out, '-|') // die $!;
    if (!$pid) {
        open(STDERR, '>', "$folder/errors") or die $!;
        exec($^X, '-w', "$FindBin::Bin/../../src/webmin/list-mail-setup.pl", @arguments) or die $!;
    }
    my $text = do { local $/; <$out> } // '';
    close($out);
    my $code = $? >> 8;
    open(my $errors, '<', "$folder/errors") or die $!;
    return ($code, $text, do { local $/; <$errors> } // '');
}

my @options = ('--socket', $socket, '--domain');

my ($code, $text, $errors) = run(@options, 'example.com');
is($code, 0, 'without options: exit status 0');
like($text, qr/^E-mail address\s+Username\s+Incoming\s+Outgoing$/m, 'a table with a heading');
like($text, qr/^bob\@example\.com\s+bob\.example\s+mail\.example\.com:143 starttls\s+mail\.example\.com:587 starttls$/m, 'one line per mailbox');
is(scalar(() = $text =~ /\n/g), 6, 'no other lines');
is($errors, '', 'no errors');

($code, $text) = run(@options, 'example.com', '--user', 'zoe.example', '--user', 'bob.example', '--json');
is_deeply([ sort map { $_->{'login'} } @{ decode_json($text) } ], [ 'bob.example', 'zoe.example' ], '--user: only these mailboxes');
is(decode_json($text)->[0]->{'outgoing'}->[0]->{'port'}, 587, 'with their settings as JSON');

($code, $text) = run(@options, 'plain.example', '--multiline');
like($text, qr/^    Username: \S/m, '--multiline: one setting per line');
like($text, qr/^    Incoming recommended: imap mail\.plain\.example:143 starttls$/m, 'with the role of a server');

for my $case (
    [ [ @options, 'nosuch.example' ], qr/^There is no such domain in Virtualmin\.$/, 'no such domain' ],
    [ [ @options, 'example.com/../../x' ], qr/not a domain name/, 'no domain at all' ],
    [ [ @options, 'example.com', '--user', 'nobody' ], qr/^example\.com has no mailbox with the user name nobody$/, 'no such user' ],
    [ [ '--socket', "$folder/nowhere", '--domain', 'example.com' ], qr/^The service does not answer on .*No such file/, 'no service' ],
    [ [ '--socket', $socket ], qr/^Missing --domain\n\nUsage:\n\s+virtualmin list-mail-setup --domain/, 'no domain' ],
    [ [ @options, 'example.com', 'more' ], qr/^Unknown parameter more/, 'something more' ],
    [ [ @options, 'example.com', '--more' ], qr/^Unknown option: more\n\nUsage/, 'another option' ],
    [ [ @options, 'example.com', '--json', '--multiline' ], qr/^Either/, 'two forms' ],
) {
    my ($arguments, $words, $what) = @$case;
    ($code, $text, $errors) = run(@$arguments);
    is($code, 1, "$what: exit status 1");
    is($text, '', "$what: no output");
    like($errors, $words, "$what: the reason is printed");
}

($code, $text) = run('--help');
is($code, 0, '--help: exit status 0');
like($text, qr/virtualmin list-mail-setup --domain domain\.name/, 'the help is printed');

done_testing();
