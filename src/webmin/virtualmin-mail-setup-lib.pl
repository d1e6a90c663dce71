# What all parts of the module that run in Webmin share: its configuration, and who may use it. It contains no mail logic:
# the app decides the settings of a mailbox.
use strict;
use warnings;

BEGIN { push(@INC, '..') }
use WebminCore;

our ($module_name, %config);
init_config();

# Permissions that a master admin can take from a user of the module, in its access control.
our @permissions = qw(see print check);

# granted_permissions() Returns those of @permissions that the viewer has.
sub granted_permissions {
    my %access = get_module_acl(undef, $module_name);
    return grep { $access{$_} } @permissions;
}

# socket_path() Returns the path of the socket on which the app listens.
sub socket_path {
    return $config{'socket'} || '/run/virtualmin-mail-setup.sock';
}

# module_address() Returns the web address of this module, behind the prefix of a proxy.
sub module_address {
    return get_webprefix() . "/$module_name";
}

# remove_folder(folder) Removes a folder with its content; dies if that fails, which unlink_file() does not.
sub remove_folder {
    my ($folder) = @_;
    my ($ok, $error) = unlink_file($folder);
    die "$folder: $error\n" if !$ok;
}

# template_allows(&domain) Returns whether the template of a domain lets its owner have the module: 1 if it does not mention
# the module. Virtualmin's library has to be loaded.
sub template_allows {
    my ($d) = @_;
    my $list = (virtual_server::get_template($d->{'template'}) || {})->{'avail'};
    $list = virtual_server::get_template(0)->{'avail'} if ($list // '') eq '';
    return allowed_in_list($list) // 1;
}

# allowed_in_list(list) Returns 1 or 0 for this module in one of Virtualmin's lists of modules ("mail=1 dns=0"); undef if the
# list does not mention it.
sub allowed_in_list {
    my ($list) = @_;
    return if ($list // '') !~ /(?:^| )\Q$module_name\E=(\S+)/;
    return $1 eq '0' ? 0 : 1;
}

1;
