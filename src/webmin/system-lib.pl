# Files, random bytes and Node.js of this system. It needs nothing of Webmin's library, so that commands can use it.
use strict;
use warnings;

# read_values(file) Returns the pairs of a file of key=value lines, as a hash; none if there is no such file.
sub read_values {
    my ($path) = @_;
    open(my $file, '<', $path) or return ();
    return map { /^\s*([^#=\s][^=]*?)\s*=(.*?)\r?$/ ? ($1, $2) : () } <$file>;
}

# read_whole(file) Returns the content of a file; dies if it cannot be read.
sub read_whole {
    my ($path) = @_;
    open(my $file, '<', $path) or die "$path: $!";
    local $/;
    return <$file>;
}

# read_first_line(file) Returns the first line of a file; nothing if there is no such file.
sub read_first_line {
    my ($path) = @_;
    open(my $file, '<', $path) or return;
    my $line = <$file>;
    chomp($line) if defined($line);
    return $line;
}

# write_secret(file, text) Writes a file that only its owner can read, completely or not at all; dies if that fails.
sub write_secret {
    my ($path, $text) = @_;
    write_whole($path, $text, 0600);
}

# write_whole(file, text, mode) Writes a file with this mode, completely or not at all; dies if that fails.
sub write_whole {
    my ($path, $text, $mode) = @_;
    # Other requests can write the same file concurrently.
    my $new    = "$path.new.$$";
    my $umask  = umask(0077);
    my $opened = open(my $file, '>', $new);
    umask($umask);
    die "$new: $!" if !$opened;
    print {$file} $text;
    return if close($file) && chmod($mode, $new) && rename($new, $path);
    my $problem = $!;
    unlink($new);
    die "$path: $problem";
}

# write_if_changed(file, text, mode) Writes a file if its content differs, and sets its mode.
sub write_if_changed {
    my ($path, $text, $mode) = @_;
    write_secret($path, $text) if !-e $path || read_whole($path) ne $text;
    chmod($mode, $path);
}

# random_hex(bytes) Returns that many random bytes from the system, in hexadecimal.
sub random_hex {
    my ($bytes) = @_;
    open(my $random, '<:raw', '/dev/urandom') or die "/dev/urandom: $!";
    read($random, my $read, $bytes) == $bytes or die '/dev/urandom gives too little';
    return unpack('H*', $read);
}

# node_problem() Returns the key of the text that says what is wrong with this system's Node.js; nothing if it is usable.
sub node_problem {
    my ($major, $minor) = (`node --version 2>/dev/null` // '') =~ /^v(\d+)\.(\d+)/;
    return 'bridge_no_node' if !defined($major);
    return 'bridge_old_node' if $major < 18 || ($major == 18 && $minor < 19);
    return;
}

# node_command() Returns the command that installs Node.js on this system.
sub node_command {
    return -x '/usr/bin/apt-get' ? 'apt-get install nodejs' : 'dnf module install nodejs:20 || dnf install nodejs';
}

1;
