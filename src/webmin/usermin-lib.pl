# The page in Usermin: puts the module there, and takes it away again.
use strict;
use warnings;
use File::Basename qw(dirname);
use File::Copy qw(copy);
use File::Path qw(make_path);

require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');
require(dirname(__FILE__) . '/system-lib.pl');
require(dirname(__FILE__) . '/grants-lib.pl');

our ($module_name, $config_directory);

# The files and folders of this module that the one in Usermin has as well; the folder usermin has those of its own.
my @shared = (qw(index.cgi lang images assets), map { "$_-lib.pl" } qw(bridge browser app facts system virtualmin-mail-setup));

# set_up_usermin() Puts the module into Usermin, and the first time gives it to Usermin's users, as Usermin does with a new module
# (install_usermin_module). After that both are an administrator's choice: a module that was deleted there, or taken from the
# users, stays away. Returns the result in words.
sub set_up_usermin {
    my %usermin = usermin_folders() or return text('setup_usermin_absent');
    # This file is there if the module was put there before. Deleting a module does not delete its configuration.
    my $is_new = !-e "$usermin{'own'}/webmin";
    my @leftovers = leftovers($usermin{'module'});
    # Both folders are left only if write_folder() was killed between its renames.
    my $is_killed = grep({ /\.old\.\d+$/ } @leftovers) && grep({ /\.new\.\d+$/ } @leftovers);
    my $is_off = !$is_new && !-d $usermin{'module'} && !$is_killed;
    my %files = usermin_files();
    write_folder($usermin{'module'}, %files) if !$is_off && folder_differs($usermin{'module'}, %files);
    remove_folder($_) for leftovers($usermin{'module'});
    return text('setup_usermin_off') if $is_off;
    change_acl_file($usermin{'acl'}, sub { (grep { $_ eq $module_name || $_ eq '*' } @_) ? @_ : (@_, $module_name) }, 'user' => 1) if $is_new;
    mkdir($usermin{'own'}, 0755) if !-d $usermin{'own'};
    write_if_changed("$usermin{'own'}/webmin", "$config_directory\n", 0644);
    my $is_granted = read_whole($usermin{'acl'}) =~ /^[^:\n]+:(?:.* )?(?:\Q$module_name\E|\*)(?: |$)/m;
    return text($is_granted ? 'setup_usermin_on' : 'setup_usermin_off');
}

# remove_usermin() Removes what set_up_usermin() made, completely or not. Restrictions of the module for single users in Usermin
# stay: they are an administrator's.
sub remove_usermin {
    my %usermin = usermin_folders() or return;
    my @folders = ((grep { -d } @usermin{qw(module own)}), leftovers($usermin{'module'})) or return;
    my @users = read_whole($usermin{'acl'}) =~ /^([^:\n]+):/mg;
    change_acl_file($usermin{'acl'}, sub { grep { $_ ne $module_name } @_ }, map { $_ => 1 } @users);
    remove_folder($_) for @folders;
    # Usermin creates this folder for each module.
    rmdir($usermin{'var'});
}

# usermin_folders() Returns the paths in Usermin that set-up changes, a hash: module (the module's folder), own (the folder of
# its configuration), var (of its data) and acl (the file with the modules of users). Empty if Usermin is not installed; the
# test is that of Webmin's module for Usermin (is_installed).
sub usermin_folders {
    my $config = { read_values("$config_directory/usermin/config") }->{'usermin_dir'} or return ();
    my $root   = { read_values("$config/miniserv.conf") }->{'root'} or return ();
    return () if !-d $root || !-e "$config/webmin.acl";
    my $var = read_first_line("$config/var-path") // "$config/var";
    return (
        'module' => "$root/$module_name",
        'own'    => "$config/$module_name",
        'var'    => "$var/modules/$module_name",
        'acl'    => "$config/webmin.acl",
    );
}

# usermin_files() Returns the files of the module in Usermin, a hash of their paths below its folder, and where they come from.
sub usermin_files {
    my $module = dirname(__FILE__);
    my @help  = grep { m{^help/own_mailbox\.} } files_below($module, 'help');
    my %files = map { $_ => "$module/$_" } @help, map { files_below($module, $_) } @shared;
    return (%files, map { $_ => "$module/usermin/$_" } files_below("$module/usermin", ''));
}

# files_below(folder, path) Returns the paths, relative to a folder, of the files at and below a path in it.
sub files_below {
    my ($folder, $path) = @_;
    return $path if -f "$folder/$path";
    opendir(my $handle, "$folder/$path") or return ();
    return map { files_below($folder, $path eq '' ? $_ : "$path/$_") } grep { !/^\./ } readdir($handle);
}

# folder_differs(folder, %files) Returns whether a folder has other files than these, or others of the same names.
sub folder_differs {
    my ($folder, %files) = @_;
    return 1 if join("\n", sort(files_below($folder, ''))) ne join("\n", sort keys %files);
    return scalar(grep { read_whole("$folder/$_") ne read_whole($files{$_}) } keys %files);
}

# write_folder(folder, %files) Replaces a folder by one with these files, which everybody can read. If a file cannot be written,
# the folder stays as it is.
sub write_folder {
    my ($folder, %files) = @_;
    my ($new, $old) = map { dirname($folder) . "/.$module_name.$_.$$" } qw(new old);
    my $umask = umask(0022);
    my $ok = eval {
        for my $path (keys %files) {
            make_path(dirname("$new/$path"));
            copy($files{$path}, "$new/$path") or die "$new/$path: $!";
            chmod($path =~ /\.(?:cgi|pl)$/ ? 0755 : 0644, "$new/$path");
        }
        rename($folder, $old) or die "$folder: $!" if -e $folder;
        rename($new, $folder) or die "$folder: $!";
    };
    my $error = $@;
    umask($umask);
    return if $ok;
    rename($old, $folder) if !-e $folder;
    remove_folder($new) if -e $new;
    die $error;
}

# leftovers(folder) Returns the folders that write_folder() made beside a folder and that no running process needs. Usermin
# ignores folders whose names begin with a dot.
sub leftovers {
    my ($folder) = @_;
    opendir(my $handle, dirname($folder)) or return ();
    my @names = grep { /^\.\Q$module_name\E\.(?:new|old)\.(\d+)$/ && ($1 == $$ || !kill(0, $1)) } readdir($handle);
    return map { dirname($folder) . "/$_" } @names;
}

1;
