# The module in Virtualmin's configuration: its entry among the plugins, its commands, and the permission for domain owners
# in templates and domains.
use strict;
use warnings;
use File::Basename qw(dirname);

require(dirname(__FILE__) . '/virtualmin-mail-setup-lib.pl');
require(dirname(__FILE__) . '/system-lib.pl');

our ($module_name, $config_directory, $module_config_directory);

# The key in Virtualmin's configuration that says whether the default template gives this module to domain owners.
my $avail_key = "avail_$module_name";

# add_plugin() Adds the module to Virtualmin's plugins. Lets the default template give it to domain owners, unless an
# administrator has refused that. Has Virtualmin's table of users show our column.
sub add_plugin {
    update_virtualmin_config(sub {
        my ($values) = @_;
        my @plugins = split(' ', $values->{'plugins'} // '');
        $values->{'plugins'} = join(' ', @plugins, $module_name) if !grep { $_ eq $module_name } @plugins;
        $values->{$avail_key} = 1 if ($values->{$avail_key} // '') eq '';
        show_columns($values);
    });
}

# The file with the value that Virtualmin's setting show_plugins had before it was switched on here.
sub columns_path { return "$module_config_directory/show-plugins-before" }

# show_columns(&values) Switches on that Virtualmin's table of users shows the columns of plugins, which is off by default. Only
# once: after that it is the administrator's choice.
sub show_columns {
    my ($values) = @_;
    return if -e columns_path();
    write_secret(columns_path(), $values->{'show_plugins'} // '');
    $values->{'show_plugins'} = 1;
}

# restore_columns(&values) Gives that setting its earlier value, unless an administrator has switched it off since.
sub restore_columns {
    my ($values) = @_;
    return if !-e columns_path() || ($values->{'show_plugins'} // '') ne '1';
    $values->{'show_plugins'} = read_whole(columns_path());
    delete($values->{'show_plugins'}) if $values->{'show_plugins'} eq '';
}

# add_commands() Has Virtualmin write its command-line program again, so that it includes the module's commands, and checks
# that it does. Returns the path of that program.
sub add_commands {
    load_virtualmin();
    my ($done, $path) = virtual_server::create_virtualmin_api_helper_command();
    die "$path\n" if !$done;
    my $folder = module_root_directory($module_name);
    die text('setup_not_in_command', $path) . "\n" if read_whole($path) !~ m{(?:^|[ "'])\Q$folder\E(?:$|[ ;"'])}m;
    return $path;
}

# remove_plugin() Removes the module from Virtualmin's plugins, its commands, and its entries in templates and domains.
sub remove_plugin {
    update_virtualmin_config(sub {
        my ($values) = @_;
        $values->{'plugins'} = join(' ', grep { $_ ne $module_name } split(' ', $values->{'plugins'} // ''));
        delete($values->{'plugins'}) if $values->{'plugins'} eq '';
        delete($values->{$avail_key});
        restore_columns($values);
    });
    load_virtualmin();
    for my $template (grep { !$_->{'standard'} && defined(allowed_in_list($_->{'avail'})) } virtual_server::list_templates()) {
        $template->{'avail'} = without_module($template->{'avail'});
        virtual_server::save_template($template);
    }
    for my $d (grep { defined(allowed_in_list($_->{'webmin_avail'})) } virtual_server::list_domains()) {
        $d->{'webmin_avail'} = without_module($d->{'webmin_avail'});
        virtual_server::save_domain($d);
    }
    virtual_server::create_virtualmin_api_helper_command();
}

# allow_in_templates() Adds the module to each template that has its own list of modules for domain owners and does not
# mention it. If an administrator has refused the module, the list mentions it.
sub allow_in_templates {
    for my $template (virtual_server::list_templates()) {
        my $list = $template->{'avail'} // '';
        next if $template->{'standard'} || $list eq '' || defined(allowed_in_list($list));
        $template->{'avail'} = "$list $module_name=1";
        virtual_server::save_template($template);
    }
}

# allow_for_domain(&domain) Returns whether the owner of a top-level domain may have the module. In Virtualmin 8.2 (in
# development) each domain has its own list, copied from its template when the domain was created. If the module was installed
# after that, it is added to the list.
sub allow_for_domain {
    my ($d) = @_;
    return template_allows($d) if !defined(&virtual_server::get_domain_webmin_avail);
    my $list = virtual_server::get_domain_webmin_avail($d);
    my $allowed = allowed_in_list($list);
    return $allowed if defined($allowed);
    return 0 if !template_allows($d);
    $d->{'webmin_avail'} = join(' ', $list eq '' ? () : $list, "$module_name=1");
    virtual_server::save_domain($d);
    return 1;
}

# without_module(list) Returns one of Virtualmin's lists of modules without this module.
sub without_module {
    my ($list) = @_;
    return join(' ', grep { !/^\Q$module_name\E=/ } split(' ', $list));
}

# update_virtualmin_config(change) Passes Virtualmin's configuration, a hash reference, to a function that changes it, and
# writes it if it has changed.
sub update_virtualmin_config {
    my ($change) = @_;
    my $path = "$config_directory/virtual-server/config";
    lock_file($path);
    my $ok = eval {
        my %values;
        read_file($path, \%values) or die text('setup_no_virtualmin') . "\n";
        my %before = %values;
        $change->(\%values);
        my $differs = keys(%values) != keys(%before) || grep { ($before{$_} // '') ne $values{$_} } keys %values;
        write_file($path, \%values) if $differs;
        1;
    };
    my $error = $@;
    unlock_file($path);
    die $error if !$ok;
}

# load_virtualmin() Loads Virtualmin's library. If it is loaded already, it gets what has changed in its configuration since:
# the plugins, and the permission of the default template.
sub load_virtualmin {
    foreign_require('virtual-server', 'virtual-server-lib.pl');
    my %values;
    read_file("$config_directory/virtual-server/config", \%values) or die text('setup_no_virtualmin') . "\n";
    no warnings 'once';
    for my $key ('plugins', $avail_key) {
        if (defined($values{$key})) { $virtual_server::config{$key} = $values{$key} }
        else { delete($virtual_server::config{$key}) }
    }
    virtual_server::generate_plugins_list($values{'plugins'} // '');
    @virtual_server::list_templates_cache = ();
    virtual_server::set_all_null_print();
}

1;
