#!/usr/bin/perl

=head1 refresh-mail-answers.pl

Take the snapshot from which mail clients are answered

The answer service of Mail Client Setup tells mail clients the settings of an address, from a snapshot of all domains for which
the settings allow it (client_answers). A snapshot is taken every 15 minutes, and after a mailbox has been changed in the
panel. This command takes one at once, for example after domains have been created. If it fails, the last snapshot stays in
use.

The exit status is 0 if there is a new snapshot, and 1 if there is not.

=head1 SYNOPSIS

 virtualmin refresh-mail-answers [--socket path]
                                 [--folder path]

=head1 OPTIONS

=over

=item B<--socket>

The service's socket, if it is not the one in the module's configuration.

=item B<--folder>

The folder for the snapshot, if it is not the usual one.

=back

=cut

use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/command-lib.pl');
require(dirname(__FILE__) . '/snapshot-lib.pl');

my %given = options('socket=s', 'folder=s');
my $folder = $given{'folder'} // snapshot_folder();
begin_snapshot($folder);
my $text = request_text('/answers.json', $given{'socket'});
eval { write_snapshot($folder, $text); 1 } or stop("The snapshot could not be written: $@");
