#!/usr/bin/perl
# The command for cron, with a service that is played here.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use IO::Socket::UNIX;
use JSON::PP;
use Test::More;

my $folder = tempdir('CLEANUP' => 1);

# service(result, ...) Returns what the service says of a port.
sub service {
    my ($port, $result, %more) = @_;
    return { 'host' => 'mail.example.com', 'port' => $port, 'security' => 'starttls', 'result' => $result, 'how' => undef,
        'weaknesses' => [], %more };
}

# run(answer, arguments) Runs the command while the service gives one answer; returns its exit code, output, errors
# and what the service was asked.
sub run {
    my ($answer, @arguments) = @_;
    my $path = "$folder/app.sock";
    unlink($path);
    my $server = IO::Socket::UNIX->new('Local' => $path, 'Listen' => 1) or die $!;
    my $pid = fork() // die $!;
    if (!$pid) {
        my $client = $server->accept();
        open(my $asked, '>', "$folder/asked") or die $!;
        while (defined(my $line = <$client>)) { print {$asked} $line; last if $line eq "\r\n" }
        close($asked);
        my $body = ref($answer) ? encode_json($answer) : $answer;
        print {$client} 'HTTP/1.1 200 OK', "\r\nContent-Length: ", length($body), "\r\n\r\n$body";
        close($client);
        exec('true');
    }
    my $text = `$^X -w $FindBin::Bin/../../src/webmin/check-mail-setup.pl --socket $path @arguments 2>$folder/errors`;
    my $code = $? >> 8;
    kill('TERM', $pid);
    waitpid($pid, 0);
    my $content = sub { open(my $file, '<', $_[0]) or return ''; local $/; return <$file> // '' };
    return ($code, $text, $content->("$folder/errors"), $content->("$folder/asked"));
}

my $good = { 'domain' => 'example.com', 'services' => [ service(143, 'proven'), service(587, 'proven') ] };
my ($code, $text, $errors, $asked) = run($good, '--domain', 'example.com');
is($code, 0, 'where all is proven it ends with 0');
is($text, "mail.example.com:143                     starttls       proven\nmail.example.com:587                     starttls       proven\n", 'a line a port');
is($errors, '', 'without a complaint');
like($asked, qr{^GET /domains/example\.com/check\.json HTTP/1\.1\r\n}, 'it asks for the domain');
like($asked, qr{^Mail-Setup-Viewer: \S+\r\nMail-Setup-Panel: \S+\r\n}m, 'as root, with the settings');

($code, undef, $errors) = run(substr(encode_json($good), 0, -9), '--domain', 'example.com');
is_deeply([ $code, $errors ], [ 1, "The service sent an answer that is not valid JSON\n" ], 'half an answer is none');

my $bad = { 'domain' => 'example.com', 'services' => [ service(143, 'proven', 'weaknesses' => ['injection']),
    service(587, 'differs', 'how' => 'starttls-not-offered') ] };
($code, $text) = run($bad, '--domain', 'example.com');
is($code, 2, 'where something is not, with 2');
like($text, qr/:587 +starttls +differs, starttls-not-offered$/m, 'and says how');
like($text, qr/:143 +starttls +proven, injection$/m, 'and what is weak');
($code, $text) = run($bad, '--domain', 'example.com', '--json');
is($code, 2, 'the same as JSON');
is_deeply(decode_json($text), $bad, 'whole');

($code, $text, $errors) = run({ 'error' => { 'code' => 'no-such-domain', 'message' => 'There is no such domain.' } }, '--domain', 'x.example');
is($code, 1, 'where it cannot be found out, with 1');
is($errors, "There is no such domain.\n", 'and why');
(undef, undef, undef, $asked) = run($good, '--domain', "'../../x y'");
like($asked, qr{^GET /domains/\.\.%2F\.\.%2Fx%20y/check\.json HTTP}, 'a domain is a part of the path and no more');
($code, $text, $errors) = run($good);
is($code, 1, 'without a domain');
like($errors, qr/^Missing --domain\n\nUsage:\n +virtualmin check-mail-setup --domain/, 'it says what it takes');
($code, $text) = run($good, '--help');
is($code, 0, 'help');
like($text, qr/virtualmin check-mail-setup --domain domain\.name/, 'is given');

done_testing();
