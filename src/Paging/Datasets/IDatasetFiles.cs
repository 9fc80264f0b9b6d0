using Paging.Swap.Devices;

namespace Paging.Datasets;

/// <summary>Where the files of a dataset are: its directory. All members may be called by any thread.</summary>
internal interface IDatasetFiles
{
    /// <summary>Opens a file.</summary>
    /// <param name="name">Its name, from the directory on.</param>
    /// <param name="error">Why there is none.</param>
    SourceFile? TryOpen(string name, out int error);

    /// <summary>The path of a file, for exceptions.</summary>
    string PathOf(string name);

    /// <summary>Whether the dataset is still the one that was opened, so that a file that is not found was never there.</summary>
    bool IsSame();

    /// <summary>A user leaves, once.</summary>
    void RemoveUser();
}
