#!/usr/bin/perl
# The command for cron, with a stand-in for the service.
use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use IO::Socket::UNIX;
use JSON::PP;
use Test::More;

my $folder = tempdir('CLEANUP' => 1);

# service(result, ...) Returns the result for a port, as the service sends it.
sub service {
    my ($port, $result, %more) = @_;
    return { 'host' => 'mail.example.com', 'port' => $port, 'security' => 'starttls', 'result' => $result, 'how' => undef,
        'weaknesses' => [], %more };
}

# run(answer, arguments) Runs the command with a service that gives this answer. Returns its exit code, output and errors,
# and the request that the service received.
sub run {
    my ($answer, @arguments) = @_;
    my $path = "$folder/app.sock";
    unlink($path);
    my $server = IO::Socket::UNIX->new('Local' => $path, 'Listen' => 1) or die $!;
    my $pid = fork() // die $!;
    if (!$pid) {
        my $client = $server->accept();
        open(my $request, '>', "$folder/request") or die $!;
        while (defined(my $line = <$client>)) { print {$request} $line; last if $line eq "\r\n" }
        close($request);
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
    return ($code, $text, $content->("$folder/errors"), $content->("$folder/request"));
}

my $good = { 'domain' => 'example.com', 'services' => [ service(143, 'proven'), service(587, 'proven') ] };
my ($code, $text, $errors, $request) = run($good, '--domain', 'example.com');
is($code, 0, 'all ports work: exit status 0');
is($text, "mail.example.com:143                     starttls       proven\nmail.example.com:587                     starttls       proven\n", 'one line per port');
is($errors, '', 'no errors');
like($request, qr{^GET /domains/example\.com/check\.json HTTP/1\.1\r\n}, 'the request is for the domain');
like($request, qr{^Mail-Setup-Viewer: \S+\r\nMail-Setup-Panel: \S+\r\n}m, 'it has the viewer root and the settings');

($code, undef, $errors) = run(substr(encode_json($good), 0, -9), '--domain', 'example.com');
is_deeply([ $code, $errors ], [ 1, "The service sent an answer that is not valid JSON\n" ], 'an incomplete answer is an error');

my $bad = { 'domain' => 'example.com', 'services' => [ service(143, 'proven', 'weaknesses' => ['injection']),
    service(587, 'differs', 'how' => 'starttls-not-offered') ] };
($code, $text) = run($bad, '--domain', 'example.com');
is($code, 2, 'a port does not work: exit status 2');
like($text, qr/:587 +starttls +differs, starttls-not-offered$/m, 'the reason is printed');
like($text, qr/:143 +starttls +proven, injection$/m, 'the weakness is printed');
($code, $text) = run($bad, '--domain', 'example.com', '--json');
is($code, 2, 'exit status 2 with --json');
is_deeply(decode_json($text), $bad, 'all results as JSON');

($code, $text, $errors) = run({ 'error' => { 'code' => 'no-such-domain', 'message' => 'There is no such domain.' } }, '--domain', 'x.example');
is($code, 1, 'the check cannot be done: exit status 1');
is($errors, "There is no such domain.\n", 'the error is printed');
(undef, undef, undef, $request) = run($good, '--domain', "'../../x y'");
like($request, qr{^GET /domains/\.\.%2F\.\.%2Fx%20y/check\.json HTTP}, 'the domain is percent-encoded as one segment of the path');
($code, $text, $errors) = run($good);
is($code, 1, 'no domain: exit status 1');
like($errors, qr/^Missing --domain\n\nUsage:\n +virtualmin check-mail-setup --domain/, 'the error and the usage are printed');
($code, $text) = run($good, '--help');
is($code, 0, '--help: exit status 0');
like($text, qr/virtualmin check-mail-setup --domain domain\.name/, 'the help is printed');

done_testing();
