using System.Reflection.Metadata;
using System.Reflection.Metadata.Ecma335;

namespace Paging.Tests.Architecture;

/// <summary>The folders that the types of an assembly stand in, as its symbols say: namespaces would not tell the contract from the face.</summary>
internal sealed class SourceFolders
{
    /// <summary>The kind of symbols by which the compiler says where a type without code of its own stands.</summary>
    private static readonly Guid s_typeDocuments = new("932E74BC-DBA9-4478-8D46-0F32A7BAB3D3");

    private readonly Dictionary<TypeDefinitionHandle, string> _folders = [];
    private readonly MetadataReader _types;
    private readonly MetadataReader _symbols;
    private readonly string _root;

    /// <param name="types">The assembly.</param>
    /// <param name="symbols">Its portable symbols.</param>
    /// <param name="root">The folder that those of interest lie in, with slashes around it.</param>
    internal SourceFolders(MetadataReader types, MetadataReader symbols, string root)
    {
        _types = types;
        _symbols = symbols;
        _root = root;
        foreach (MethodDefinitionHandle method in types.MethodDefinitions)
        {
            TypeDefinitionHandle type = Outermost(types.GetMethodDefinition(method).GetDeclaringType());
            MethodDebugInformation information = symbols.GetMethodDebugInformation(method);
            if (!information.SequencePointsBlob.IsNil)
            {
                foreach (SequencePoint point in information.GetSequencePoints())
                {
                    Put(type, point.Document);
                }
            }
        }

        foreach (TypeDefinitionHandle type in types.TypeDefinitions)
        {
            foreach (CustomDebugInformationHandle handle in symbols.GetCustomDebugInformation(type))
            {
                CustomDebugInformation information = symbols.GetCustomDebugInformation(handle);
                if (symbols.GetGuid(information.Kind) == s_typeDocuments)
                {
                    BlobReader documents = symbols.GetBlobReader(information.Value);
                    while (documents.RemainingBytes != 0)
                    {
                        Put(Outermost(type), MetadataTokens.DocumentHandle(documents.ReadCompressedInteger()));
                    }
                }
            }
        }
    }

    /// <summary>Null for what the compiler has made, and for what stands elsewhere.</summary>
    internal string? Of(TypeDefinitionHandle type) => _folders.GetValueOrDefault(Outermost(type));

    /// <summary>The type that all of this is nested in.</summary>
    internal TypeDefinitionHandle Outermost(TypeDefinitionHandle type)
    {
        while (_types.GetTypeDefinition(type).GetDeclaringType() is { IsNil: false } outer)
        {
            type = outer;
        }

        return type;
    }

    private void Put(TypeDefinitionHandle type, DocumentHandle document)
    {
        if (document.IsNil)
        {
            return;
        }

        string path = _symbols.GetString(_symbols.GetDocument(document).Name).Replace('\\', '/');
        int at = path.LastIndexOf(_root, StringComparison.Ordinal);
        if (at < 0)
        {
            return;
        }

        string inside = path[(at + _root.Length)..];
        string folder = inside.Contains('/') ? inside[..inside.LastIndexOf('/')] : LayerOrder.Face;
        if (folder.StartsWith("obj/", StringComparison.Ordinal))
        {
            return;
        }

        if (_folders.TryGetValue(type, out string? other) && other != folder)
        {
            throw new InvalidOperationException($"{_types.GetString(_types.GetTypeDefinition(type).Name)} stands in {other} and in {folder}.");
        }

        _folders[type] = folder;
    }
}
