# Starts the real app on a socket of the test; it ends with the test.
package TestApp;
use strict;
use warnings;
use File::Basename qw(dirname);
use Exporter 'import';

our @EXPORT = qw(start_app);

# Not `my`: Perl would close $output before END runs, and wait for the app to end.
our ($app, $output);

# start_app(socket) Starts the app. Returns the line that it prints when it listens.
sub start_app {
    my ($socket) = @_;
    my $server = dirname(__FILE__) . '/../../../build/dist/server.mjs';
    $app = open($output, '-|', "SOCKET_PATH=$socket LOG_LEVEL=silent exec node $server") or die $!;
    return scalar(<$output>);
}

END {
    my $status = $?;
    kill('KILL', $app) if $app;
    $? = $status;
}

1;
