namespace Paging.Tests.Architecture;

/// <summary>One type refers to another, somewhere.</summary>
/// <param name="Where">The type and the member that refers to it.</param>
/// <param name="Folder">Where that stands.</param>
/// <param name="Target">What it refers to: a type, or a namespace that its file imports.</param>
/// <param name="TargetFolder">Where that stands.</param>
internal readonly record struct TypeUse(string Where, string Folder, string Target, string TargetFolder)
{
    public override string ToString() => $"{Where} in {Folder} refers to {Target} in {TargetFolder}";
}
