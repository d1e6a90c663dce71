# The file of the snapshot from which mail clients are answered. It needs nothing of Webmin's library, so that commands can
# use it.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/system-lib.pl');

# snapshot_folder() Returns the folder of the snapshot. Only root can open it; the unit of the answer service shows it the folder
# "public" in it.
sub snapshot_folder { return '/var/lib/virtualmin-mail-setup-snapshot' }

# make_snapshot_folder(folder) Makes the folder of the snapshot, if it is missing.
sub make_snapshot_folder {
    my ($folder) = @_;
    for ([ $folder, 0700 ], [ "$folder/public", 0755 ]) {
        my ($path, $mode) = @$_;
        die "$path: $!\n" if !-d $path && !mkdir($path);
        chmod($mode, $path);
    }
}

# note_change(folder) Asks for a new snapshot because mailboxes have changed, if the answer service is set up: see the unit
# virtualmin-mail-setup-snapshot.path.
sub note_change {
    my ($folder) = @_;
    return if !-d $folder || !open(my $file, '>>', "$folder/changed");
    close($file);
}

# begin_snapshot(folder) Notes that the changes up to now will be in the next snapshot.
sub begin_snapshot {
    my ($folder) = @_;
    unlink("$folder/changed");
}

# write_snapshot(folder, text) Writes a snapshot, completely or not at all; dies if that fails.
sub write_snapshot {
    my ($folder, $text) = @_;
    make_snapshot_folder($folder);
    # The service's user can read it: the folder above is what keeps others out.
    write_whole("$folder/public/snapshot.json", $text, 0644);
}

1;
